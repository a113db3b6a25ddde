"""Scores are what their names say, however the trips are batched."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taxi_predictor.adapters.columns.arrays import ARRAYS
from taxi_predictor.domain.arithmetic import SCALAR
from taxi_predictor.domain.city import City
from taxi_predictor.domain.distribution import DurationDistribution, ScaledResiduals
from taxi_predictor.domain.evaluation import Answers, Evaluation, Tally
from taxi_predictor.domain.model import BatchEstimate
from taxi_predictor.domain.place import Point, Zone, ZoneId, ZoneTable, great_circle_km
from taxi_predictor.ports.testing.strategies import A_CITY, cities, points

RESIDUALS = ScaledResiduals((0.05, 0.2, 0.5, 0.8, 0.95), (-2.0, -0.9, 0.1, 0.8, 2.5))
HERE, THERE = Point(40.75, -73.99), Point(40.72, -74.00)
few = settings(max_examples=60, deadline=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One trip as a model estimated it, and how long it took."""

    actual_s: float
    mu: float = math.log(600)
    sigma: float = 0.4
    distance_km: float = 3.0
    minute_of_day: float = 12 * 60.0
    weekday: float = 2.0
    is_holiday: float = 0.0
    zone: float = math.nan
    pickup: Point = HERE
    dropoff: Point = THERE


def rows() -> st.SearchStrategy[Row]:
    edges = (0.0, 299.5, 300.0, 419.5, 420.0, 599.5, 600.0, 960.0, 1139.5, 1140.0, 1379.5, 1380.0)
    return st.builds(
        Row,
        actual_s=st.floats(60, 10_800),
        mu=st.floats(4, 9),
        sigma=st.floats(0.05, 1),
        distance_km=st.sampled_from((0.0, 1.5, 10.0)) | st.floats(0, 60),
        minute_of_day=st.sampled_from(edges) | st.floats(0, 1439),
        weekday=st.integers(0, 6).map(float),
        is_holiday=st.sampled_from((0.0, 1.0)),
        zone=st.sampled_from((math.nan, 1.0, 4.0, 5.0, 9.0, 132.0)),
        pickup=points(),
        dropoff=points() | st.sampled_from([airport.point for airport in A_CITY.airports]),
    )


def add(evaluation: Evaluation, batch: Sequence[Row]) -> None:
    columns = {
        "distance_km": [row.distance_km for row in batch],
        "minute_of_day": [row.minute_of_day for row in batch],
        "weekday": [row.weekday for row in batch],
        "is_holiday": [row.is_holiday for row in batch],
        "pickup_zone": [row.zone for row in batch],
        "pickup_lat_deg": [row.pickup.lat_deg for row in batch],
        "pickup_lon_deg": [row.pickup.lon_deg for row in batch],
        "dropoff_lat_deg": [row.dropoff.lat_deg for row in batch],
        "dropoff_lon_deg": [row.dropoff.lon_deg for row in batch],
    }
    estimate = BatchEstimate(
        ARRAYS,
        DurationDistribution(
            ARRAYS,
            ARRAYS.column([row.mu for row in batch]),
            ARRAYS.column([row.sigma for row in batch]),
            RESIDUALS,
        ),
        {name: ARRAYS.column(column) for name, column in columns.items()},
    )
    evaluation.add(ARRAYS.column([row.actual_s for row in batch]), estimate)


ZONES = ZoneTable(
    {
        ZoneId(number): Zone(id=ZoneId(number), name="", borough=borough, centroid=HERE)
        for number, borough in ((4, "Manhattan"), (132, "Queens"), (5, "Staten Island"), (9, "Queens"))
    }
)


def evaluated(*batches: Sequence[Row]) -> Evaluation:
    evaluation = Evaluation(A_CITY, ZONES)
    for batch in batches:
        add(evaluation, batch)
    return evaluation


def scores(batch: Sequence[Row]) -> dict[str, float]:
    found = evaluated(batch).scores()
    assert found is not None
    return asdict(found)


def by_hand(batch: Sequence[Row]) -> dict[str, float]:
    """The scores by their textbook formulas, all trips at once."""
    actual = np.array([row.actual_s for row in batch])
    mu, sigma = np.array([row.mu for row in batch]), np.array([row.sigma for row in batch])

    def quantile(probability: float) -> np.ndarray:
        return np.exp(mu + sigma * np.interp(probability, RESIDUALS.probabilities, RESIDUALS.values))

    predicted, low, high = quantile(0.5), quantile(0.1), quantile(0.9)
    error = predicted - actual
    pinballs = [
        np.maximum(level * (actual - quantile(level)), (level - 1) * (actual - quantile(level))).mean()
        for level in (0.1, 0.5, 0.9)
    ]
    return {
        "n": len(batch),
        "mae_s": np.abs(error).mean(),
        "rmse_s": np.sqrt((error**2).mean()),
        "mape": (np.abs(error) / actual).mean(),
        "rmsle": np.sqrt(((np.log1p(predicted) - np.log1p(actual)) ** 2).mean()),
        "r2": 1 - (error**2).sum() / ((actual - actual.mean()) ** 2).sum(),
        "bias_s": error.mean(),
        "within_5_min": (np.abs(error) <= 300).mean(),
        "pinball_s": np.mean(pinballs),
        "coverage_80": ((low <= actual) & (actual <= high)).mean(),
        "width_80_s": (high - low).mean(),
    }


def where_by_hand(row: Row) -> str:
    if row.zone in ZONES.zones:
        return f"pickup in {ZONES.zones[ZoneId(int(row.zone))].borough}"
    bounds, (lat, lon) = A_CITY.bounds, (row.pickup.lat_deg, row.pickup.lon_deg)
    south_north = min(int((lat - bounds.south_deg) / (bounds.north_deg - bounds.south_deg) * 3), 2)
    west_east = min(int((lon - bounds.west_deg) / (bounds.east_deg - bounds.west_deg) * 3), 2)
    names = [
        ["south-west", "south", "south-east"],
        ["west", "centre", "east"],
        ["north-west", "north", "north-east"],
    ]
    return f"pickup {names[south_north][west_east]}"


def slices_by_hand(row: Row) -> set[str]:
    def is_at_an_airport(end: Point) -> bool:
        return any(
            great_circle_km(SCALAR, end.lat_deg, end.lon_deg, airport.point.lat_deg, airport.point.lon_deg)
            <= airport.radius_km
            for airport in A_CITY.airports
        )

    hour, is_weekend = row.minute_of_day / 60, row.weekday in (5, 6)
    found = {
        "under 1.5 km": row.distance_km < 1.5,
        "10 km and more": row.distance_km >= 10,
        "night": hour >= 23 or hour < 5,
        "rush": not is_weekend and (7 <= hour < 10 or 16 <= hour < 19),
        "weekend": is_weekend,
        "weekday": not is_weekend and not row.is_holiday,
        "holiday": row.is_holiday == 1,
        "under 1 km": row.distance_km < 1,
        "1 to 3 km": 1 <= row.distance_km < 3,
        "3 to 8 km": 3 <= row.distance_km < 8,
        "8 km and more": row.distance_km >= 8,
        where_by_hand(row): True,
        "airport": is_at_an_airport(row.pickup) or is_at_an_airport(row.dropoff),
    }
    return {name for name, belongs in found.items() if belongs}


# Of trips that last all but equally long, R2 is noise: these two never do.
SPREAD = [Row(actual_s=60.0), Row(actual_s=3600.0)]


@given(drawn=st.lists(rows(), max_size=25))
@few
def test_scores_are_those_of_the_textbook(drawn: list[Row]) -> None:
    batch = SPREAD + drawn
    assert scores(batch) == pytest.approx(by_hand(batch), rel=1e-6)


@given(drawn=st.lists(rows(), max_size=25), data=st.data())
@few
def test_batches_add_up_wherever_they_are_split(drawn: list[Row], data: st.DataObject) -> None:
    batch = SPREAD + drawn
    at = data.draw(st.integers(1, len(batch) - 1))
    whole, parts = evaluated(batch), evaluated(batch[:at], batch[at:])
    assert asdict(parts.overall) == pytest.approx(asdict(whole.overall), rel=1e-9, abs=1e-9)
    assert parts.slices.keys() == whole.slices.keys()
    for name, tally in whole.slices.items():
        assert asdict(parts.slices[name]) == pytest.approx(asdict(tally), rel=1e-9, abs=1e-9)
    assert list(parts.scores_by_slice()) == list(whole.scores_by_slice())


def test_slices_are_told_in_one_order_however_their_trips_come() -> None:
    """A model is judged day by day, and evaluated batch by batch: both are to be read side by side."""
    sunday = Row(actual_s=700.0, weekday=6.0, zone=9.0)
    monday = Row(actual_s=700.0, weekday=0.0, minute_of_day=480.0, zone=4.0)
    far = Row(actual_s=700.0, distance_km=12.0, zone=132.0)
    by_day = evaluated([sunday]) + evaluated([monday]) + evaluated([far])
    expected = [
        *("3 to 8 km", "8 km and more", "10 km and more", "rush", "weekday", "weekend"),
        *("pickup in Manhattan", "pickup in Queens"),
    ]
    assert list(by_day.scores_by_slice()) == expected
    assert list(evaluated([far, monday, sunday]).scores_by_slice()) == expected


@given(batch=st.lists(rows(), min_size=1, max_size=25))
@few
def test_a_slice_has_the_scores_of_its_trips(batch: list[Row]) -> None:
    found = evaluated(batch).scores_by_slice()
    members: dict[str, list[Row]] = {}
    for row in batch:
        for name in slices_by_hand(row):
            members.setdefault(name, []).append(row)
    assert found.keys() == members.keys()
    for name, its_rows in members.items():
        alone = scores(its_rows)
        alone.pop("r2")  # noise where a slice has one trip
        its_scores = asdict(found[name])
        its_scores.pop("r2")
        assert its_scores == pytest.approx(alone, rel=1e-9, abs=1e-9)


def test_known_errors_give_known_scores() -> None:
    # The median is exp(mu + 0.1 sigma); with no spread to speak of it is 600 s.
    batch = [
        Row(actual_s=actual_s, mu=math.log(600), sigma=1e-12) for actual_s in (300.5, 500.0, 600.5, 1200.0)
    ]
    found = scores(batch)
    assert found["n"] == 4
    assert found["mae_s"] == pytest.approx((299.5 + 100 + 0.5 + 600) / 4)
    assert found["bias_s"] == pytest.approx((299.5 + 100 - 0.5 - 600) / 4)
    assert found["within_5_min"] == 0.75
    assert found["coverage_80"] == 0
    assert found["width_80_s"] == pytest.approx(0, abs=1e-6)
    # With all quantiles alike the pinball loss is half the absolute error at every level, on average.
    assert found["pinball_s"] == pytest.approx((299.5 + 100 + 0.5 + 600) / 4 / 2, rel=1e-6)


def test_a_model_that_answers_the_mean_has_an_r2_of_nought() -> None:
    batch = [Row(actual_s=actual_s, mu=math.log(600), sigma=1e-12) for actual_s in (200.0, 1000.0)]
    assert scores(batch)["r2"] == pytest.approx(0, abs=1e-6)


def test_edges_of_intervals_and_errors_of_five_minutes_count() -> None:
    m, median_s = ARRAYS, ARRAYS.column([600.0] * 6)
    answers = Answers(m=m, lower_s=median_s - 300, median_s=median_s, upper_s=median_s + 300.5)
    actual_s = m.column([299.5, 299.9, 300.0, 900.0, 900.5, 901.0])
    found = answers.tally(actual_s).scores()
    assert found is not None
    assert (found.within_5_min, found.coverage_80) == (2 / 6, 3 / 6)


def test_trips_that_last_nearly_equally_long_have_an_r2() -> None:
    assert scores([Row(actual_s=1000.0), Row(actual_s=1000.01)] * 50)["r2"] is not None


@pytest.mark.parametrize("actual_s", [600.0, 600.1])
@pytest.mark.parametrize("n", [1, 3, 7])
def test_trips_that_all_last_equally_long_have_no_r2(actual_s: float, n: int) -> None:
    assert scores([Row(actual_s=actual_s)] * n)["r2"] is None


def test_no_trip_has_no_scores() -> None:
    assert Evaluation(A_CITY).scores() is None
    assert Evaluation(A_CITY).scores_by_slice() == {}
    assert Tally().scores() is None
    assert Tally() + Tally(n=2.0, covered=1.0) == Tally(n=2.0, covered=1.0)


def test_a_slice_without_trips_is_left_out() -> None:
    noon_on_wednesday = Row(actual_s=700.0, minute_of_day=12 * 60, weekday=2, distance_km=3)
    assert evaluated([noon_on_wednesday]).scores_by_slice().keys() == {
        "weekday",
        "3 to 8 km",
        "pickup centre",
    }


@given(drawn=st.lists(rows(), max_size=25), data=st.data())
@few
def test_days_add_up_to_all_of_them_baselines_too(drawn: list[Row], data: st.DataObject) -> None:
    batch = SPREAD + drawn
    at = data.draw(st.integers(1, len(batch) - 1))

    def with_baseline(*batches: Sequence[Row]) -> Evaluation:
        evaluation = evaluated(*batches)
        for rows_ in batches:
            actual_s = ARRAYS.column([row.actual_s for row in rows_])
            evaluation.add_baseline("ten minutes", actual_s, 0 * actual_s + 600, ARRAYS)
        return evaluation

    whole, days = with_baseline(batch), with_baseline(batch[:at]) + with_baseline(batch[at:])
    assert asdict(days.overall) == pytest.approx(asdict(whole.overall), rel=1e-9, abs=1e-9)
    assert days.slices.keys() == whole.slices.keys()
    for name, tally in whole.slices.items():
        assert asdict(days.slices[name]) == pytest.approx(asdict(tally), rel=1e-9, abs=1e-9)
    found = days.baselines()["ten minutes"]
    by_hand_s = np.mean([abs(600 - row.actual_s) for row in batch])
    assert found.mae_s == pytest.approx(by_hand_s)
    own_s = asdict(days.overall)["abs_error_s"] / len(batch)
    assert found.lift == pytest.approx(1 - own_s / by_hand_s)


def test_a_baseline_is_counted_batch_by_batch_beside_others() -> None:
    evaluation = evaluated(SPREAD)
    for _ in range(2):
        evaluation.add_baseline("a", ARRAYS.column([600.0]), ARRAYS.column([590.0]), ARRAYS)
        evaluation.add_baseline("b", ARRAYS.column([600.0]), ARRAYS.column([700.0]), ARRAYS)
    assert evaluation.baselines_s == {"a": 20.0, "b": 200.0}


def test_a_baseline_that_is_never_wrong_cannot_be_improved_upon() -> None:
    evaluation = evaluated(SPREAD)
    same_s = ARRAYS.column([row.actual_s for row in SPREAD])
    evaluation.add_baseline("oracle", same_s, same_s, ARRAYS)
    found = evaluation.baselines()["oracle"]
    assert (found.mae_s, found.lift) == (0, 0)


def test_days_that_are_added_up_are_still_of_their_city_and_its_zones() -> None:
    both = evaluated(SPREAD) + evaluated(SPREAD)
    assert (both.city, both.zones) == (A_CITY, ZONES)


@given(city=cities().filter(lambda city: not city.airports))
@settings(max_examples=10, deadline=None)
def test_a_city_without_airports_has_no_airport_slice(city: City) -> None:
    evaluation = Evaluation(city)
    add(evaluation, SPREAD)
    assert "airport" not in evaluation.slices
