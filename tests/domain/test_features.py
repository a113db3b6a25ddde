"""Every feature says what its name says."""

import math
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from taxi_predictor.domain.arithmetic import SCALAR
from taxi_predictor.domain.city import City
from taxi_predictor.domain.features import (
    FEATURE_NAMES,
    KM_PER_DEG,
    SEASONAL_FEATURES,
    FeatureEncoder,
    local_seconds,
    plan_values,
)
from taxi_predictor.domain.place import Bounds, Place, Point, ZoneId
from taxi_predictor.domain.trip import FACT_COLUMNS, TripPlan
from taxi_predictor.ports.testing.strategies import A_CITY, cities, plans

EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 # of a wall clock
NOON = datetime(2024, 5, 6, 12, tzinfo=UTC)
few = settings(max_examples=80, deadline=None)

wall_times = st.datetimes(EPOCH, datetime(2099, 12, 31, 23, 59, 59, 999_999))  # noqa: DTZ001


def features(plan: TripPlan, city: City = A_CITY) -> dict[str, float]:
    values = FeatureEncoder(city, SCALAR).encode(plan_values(plan, city))
    return dict(zip(FEATURE_NAMES, values, strict=True))


def a_plan(*, pickup: Point | None = None, dropoff: Point | None = None, at: datetime = NOON) -> TripPlan:
    here = A_CITY.bounds.centre
    return TripPlan(pickup=Place(pickup or here), dropoff=Place(dropoff or here), pickup_at=at)


def days_to_holiday(day: date, *holidays: date) -> float:
    city = City(name="c", time_zone="UTC", bounds=A_CITY.bounds, holidays=holidays)
    return features(a_plan(at=datetime(day.year, day.month, day.day, 23, 59, 59, tzinfo=UTC)), city)[
        "days_to_holiday"
    ]


def test_names_are_unique_and_nothing_in_them_is_known_only_afterwards() -> None:
    assert len(set(FEATURE_NAMES)) == len(FEATURE_NAMES)
    assert not set(FEATURE_NAMES) & {*FACT_COLUMNS, "trip_distance"}
    assert set(SEASONAL_FEATURES) < set(FEATURE_NAMES)


@given(city=cities(), data=st.data())
@settings(max_examples=50, deadline=None)
def test_every_feature_but_a_missing_zone_is_finite(city: City, data: Any) -> None:
    plan = data.draw(plans(city=city))
    zones = {"pickup_zone": plan.pickup.zone, "dropoff_zone": plan.dropoff.zone}
    for name, value in features(plan, city).items():
        is_missing = name in zones and zones[name] is None
        assert math.isnan(value) if is_missing else math.isfinite(value), name


@given(local=wall_times)
@example(local=datetime(2000, 2, 29, 23, 59, 59, 999_999))  # noqa: DTZ001
@example(local=datetime(2000, 3, 1))  # noqa: DTZ001
@example(local=datetime(2024, 12, 31))  # noqa: DTZ001
@example(local=datetime(2023, 12, 31))  # noqa: DTZ001
@example(local=datetime(2024, 1, 1))  # noqa: DTZ001
@example(local=datetime(2099, 12, 31, 23, 59, 59, 999_999))  # noqa: DTZ001
@settings(max_examples=300, deadline=None)
def test_the_calendar_is_that_of_datetime(local: datetime) -> None:
    when = FeatureEncoder(A_CITY, SCALAR).calendar((local - EPOCH) / timedelta(seconds=1))
    since_midnight = local - datetime.combine(local, datetime.min.time())
    assert (when.weekday, when.month, when.day_of_year) == (
        local.weekday(),
        local.month,
        local.timetuple().tm_yday,
    )
    assert when.minute_of_day == pytest.approx(since_midnight / timedelta(minutes=1), abs=1e-6)
    assert 0 <= when.minute_of_day < 1440


def test_every_day_of_the_calendar_has_the_parts_that_datetime_gives_it() -> None:
    encoder = FeatureEncoder(A_CITY, SCALAR)
    for day in range((date(2100, 1, 1) - EPOCH.date()).days):
        expected = EPOCH + timedelta(days=day)
        when = encoder.calendar(day * 86400.0)
        parts = expected.timetuple()
        assert (when.weekday, when.month, when.day_of_year) == (parts.tm_wday, parts.tm_mon, parts.tm_yday)


@pytest.mark.parametrize("year", range(1600, 2401, 100))
def test_a_century_has_a_leap_day_once_in_four(year: int) -> None:
    encoder = FeatureEncoder(A_CITY, SCALAR)
    for expected in (datetime(year, 2, 28) + timedelta(days=days) for days in (-58, 0, 1, 2, 306, 365)):  # noqa: DTZ001
        when = encoder.calendar((expected - EPOCH) / timedelta(seconds=1))
        parts = expected.timetuple()
        assert (when.weekday, when.month, when.day_of_year) == (parts.tm_wday, parts.tm_mon, parts.tm_yday)


def test_holidays_are_known_from_the_first_day_of_the_calendar_on_and_nothing_is_after_the_last() -> None:
    city = City(
        name="c", time_zone="UTC", bounds=A_CITY.bounds, holidays=(date(1970, 1, 1), date(2099, 12, 31))
    )
    days = [0, 1, (date(2099, 12, 31) - EPOCH.date()).days, (date(2200, 1, 1) - EPOCH.date()).days]
    found = [FeatureEncoder(city, SCALAR).calendar(day * 86400.0).days_to_holiday for day in days]
    assert found == [0, 1, 0, 0]


@given(plan=plans())
@few
def test_clock_features_are_local_to_the_city(plan: TripPlan) -> None:
    local = plan.pickup_at.astimezone(A_CITY.tz)
    found = features(plan)
    assert (found["weekday"], found["month"]) == (local.weekday(), local.month)
    assert found["minute_of_week"] == found["weekday"] * 1440 + found["minute_of_day"]


def test_the_hour_that_happens_twice_looks_the_same_both_times() -> None:
    first = a_plan(at=datetime(2024, 11, 3, 5, 30, tzinfo=UTC))
    second = a_plan(at=datetime(2024, 11, 3, 6, 30, tzinfo=UTC))
    assert features(first) == pytest.approx(features(second), nan_ok=True)
    assert features(first)["minute_of_day"] == 90


def test_the_hour_that_is_skipped_is_skipped() -> None:
    before = features(a_plan(at=datetime(2024, 3, 10, 6, 59, tzinfo=UTC)))
    after = features(a_plan(at=datetime(2024, 3, 10, 7, 0, tzinfo=UTC)))
    assert (before["minute_of_day"], after["minute_of_day"]) == (119, 180)


def test_days_count_down_to_a_holiday_and_up_after_it() -> None:
    holiday = date(2024, 7, 4)
    around = [days_to_holiday(holiday + timedelta(days=offset), holiday) for offset in range(-5, 6)]
    assert around == [4, 4, -3, -2, -1, 0, 1, 2, 3, 4, 4]


def test_of_two_holidays_the_nearer_counts_and_of_equals_the_one_ahead() -> None:
    christmas, boxing_day, new_year = date(2024, 12, 25), date(2024, 12, 26), date(2025, 1, 1)
    assert days_to_holiday(boxing_day, christmas, boxing_day) == 0
    assert days_to_holiday(date(2024, 12, 28), christmas, new_year) == 3
    # Three days after Boxing Day and three before New Year's Day.
    assert days_to_holiday(date(2024, 12, 29), boxing_day, new_year) == -3
    assert days_to_holiday(date(2024, 12, 29), new_year, boxing_day) == -3


@given(
    holidays=st.lists(st.dates(date(2024, 1, 1), date(2024, 2, 28)), max_size=5),
    day=st.dates(date(2024, 1, 1), date(2024, 2, 28)),
)
@few
def test_days_to_holiday_agrees_with_a_search_through_all_holidays(holidays: list[date], day: date) -> None:
    since = [(day - holiday).days for holiday in holidays]
    near = [days for days in since if abs(days) <= 3]
    assert days_to_holiday(day, *holidays) == min(near, key=lambda days: (abs(days), days), default=4)


@pytest.mark.parametrize("holiday", [date(1969, 12, 31), date(2100, 1, 1), date(1776, 7, 4)])
def test_a_holiday_beyond_the_calendar_does_no_harm(holiday: date) -> None:
    assert days_to_holiday(date(2099, 12, 31), holiday) == (-1 if holiday.year == 2100 else 4)


def test_only_the_day_itself_is_a_holiday() -> None:
    night_before = features(a_plan(at=datetime(2024, 7, 4, 3, 59, tzinfo=UTC)))
    day = features(a_plan(at=datetime(2024, 7, 4, 4, 0, tzinfo=UTC)))
    assert (night_before["is_holiday"], night_before["days_to_holiday"]) == (0, -1)
    assert (day["is_holiday"], day["days_to_holiday"]) == (1, 0)
    day_after = features(a_plan(at=datetime(2024, 7, 5, 4, 0, tzinfo=UTC)))
    assert (day_after["is_holiday"], day_after["days_to_holiday"]) == (0, 1)


@pytest.mark.parametrize(
    ("north_deg", "east_deg", "bearing_deg"),
    [(0.1, 0.0, 0), (0.1, 0.1, 37.2), (0.0, 0.1, 90), (-0.1, 0.0, 180), (0.0, -0.1, 270)],
)
def test_a_bearing_runs_clockwise_from_north(north_deg: float, east_deg: float, bearing_deg: float) -> None:
    centre = A_CITY.bounds.centre
    there = Point(centre.lat_deg + north_deg, centre.lon_deg + east_deg)
    found = features(a_plan(dropoff=there))["bearing_deg"]
    assert -180 <= found <= 180
    assert found % 360 == pytest.approx(bearing_deg, abs=0.1)


def test_a_trip_up_an_avenue_crosses_no_street_grid() -> None:
    city = City(
        name="c",
        time_zone="UTC",
        bounds=Bounds(south_deg=-1, west_deg=-1, north_deg=1, east_deg=1),
        street_angle_deg=29,
    )
    turn = math.radians(29)
    there = Point(0.1 * math.cos(turn), 0.1 * math.sin(turn))
    found = features(a_plan(pickup=Point(0, 0), dropoff=there), city)
    assert found["along_km"] == pytest.approx(found["distance_km"], rel=1e-5)
    assert found["across_km"] == pytest.approx(0, abs=1e-9)
    assert found["bearing_deg"] == pytest.approx(29)


@given(plan=plans())
@few
def test_the_grid_is_the_plane_turned(plan: TripPlan) -> None:
    found = features(plan)
    plane_km = math.hypot(found["east_km"], found["north_km"])
    assert math.hypot(found["along_km"], found["across_km"]) == pytest.approx(plane_km, abs=1e-9)
    # The plane is exact enough inside a city: half a percent.
    assert plane_km == pytest.approx(found["distance_km"], rel=0.005, abs=1e-9)
    assert plane_km - 1e-9 <= found["grid_distance_km"] <= plane_km * math.sqrt(2) + 1e-9
    assert found["dropoff_along_km"] - found["pickup_along_km"] == pytest.approx(found["along_km"], abs=1e-9)
    assert found["dropoff_across_km"] - found["pickup_across_km"] == pytest.approx(
        found["across_km"], abs=1e-9
    )


@given(plan=plans())
@few
def test_the_way_back_mirrors_the_way_there(plan: TripPlan) -> None:
    there = features(plan)
    back = features(TripPlan(pickup=plan.dropoff, dropoff=plan.pickup, pickup_at=plan.pickup_at))
    for name in ("distance_km", "grid_distance_km", "midpoint_lat_deg", "midpoint_lon_deg"):
        assert back[name] == pytest.approx(there[name], abs=1e-9)
    for name in ("east_km", "north_km", "along_km", "across_km"):
        assert back[name] == pytest.approx(-there[name], abs=1e-9)
    assert (back["pickup_lat_deg"], back["dropoff_lon_deg"]) == (
        there["dropoff_lat_deg"],
        there["pickup_lon_deg"],
    )


def test_places_are_told_from_the_city_s_centre_along_its_grid_and_by_their_middle() -> None:
    square = Bounds(south_deg=59, west_deg=9, north_deg=61, east_deg=11)
    city = City(name="c", time_zone="UTC", bounds=square, street_angle_deg=90)
    found = features(a_plan(pickup=Point(60.25, 10.5), dropoff=Point(60.75, 10.0)), city)
    # A degree of longitude is half as long there; avenues that are turned by a right angle run east.
    assert found["pickup_along_km"] == pytest.approx(0.5 * KM_PER_DEG / 2)
    assert found["pickup_across_km"] == pytest.approx(-0.25 * KM_PER_DEG)
    assert found["dropoff_along_km"] == pytest.approx(0, abs=1e-9)
    assert found["dropoff_across_km"] == pytest.approx(-0.75 * KM_PER_DEG)
    assert (found["east_km"], found["north_km"]) == pytest.approx((-0.25 * KM_PER_DEG, 0.5 * KM_PER_DEG))
    assert (found["midpoint_lat_deg"], found["midpoint_lon_deg"]) == (60.5, 10.25)
    assert pytest.approx(111.195, abs=0.001) == KM_PER_DEG


def test_a_plan_may_be_looked_at_without_its_departure() -> None:
    own, told = plan_values(a_plan(), A_CITY), plan_values(a_plan(), A_CITY, local_s=0.0)
    assert (own.local_s, told.local_s) == (local_seconds(NOON, A_CITY.tz), 0.0)
    assert own.local_s == (datetime(2024, 5, 6, 8) - EPOCH).total_seconds()  # noqa: DTZ001 # of a wall clock
    assert own[1:3] == told[1:3]


def test_a_trip_to_where_it_begins_has_no_length() -> None:
    found = features(a_plan())
    assert found["distance_km"] == found["grid_distance_km"] == found["bearing_deg"] == 0
    assert found["pickup_along_km"] == found["pickup_across_km"] == 0


def test_zones_are_passed_on_as_numbers() -> None:
    plan = TripPlan(
        pickup=Place(Point(40.7, -74), ZoneId(132)), dropoff=Place(Point(40.7, -74)), pickup_at=NOON
    )
    assert features(plan)["pickup_zone"] == 132
    assert math.isnan(features(plan)["dropoff_zone"])
