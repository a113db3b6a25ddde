"""The simulated city: the same trips each time, something to learn in them, mess and drift as asked."""

from contextlib import suppress
from datetime import date

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taxi_predictor.adapters.sources.simulated_city import SimulatedCity
from taxi_predictor.adapters.sources.simulation import Simulation
from taxi_predictor.domain.city import Airport, City
from taxi_predictor.domain.errors import InvalidSource, MissingSource
from taxi_predictor.domain.place import Bounds, Point

NEW_YORK_LIKE = City(
    name="new-york-like",
    time_zone="America/New_York",
    bounds=Bounds(south_deg=40.49, west_deg=-74.27, north_deg=40.93, east_deg=-73.68),
    street_angle_deg=29.0,
    airports=(
        Airport(name="JFK", point=Point(40.6413, -73.7781)),
        Airport(name="LGA", point=Point(40.7769, -73.8740)),
    ),
    holidays=(date(2024, 1, 1),),
)
SMALL_TOWN = City(
    name="small-town",
    time_zone="Australia/Lord_Howe",  # changes its clocks by half an hour
    bounds=Bounds(south_deg=-31.60, west_deg=159.00, north_deg=-31.50, east_deg=159.12),
)
CAIRO = City(
    name="cairo",
    time_zone="Africa/Cairo",  # skips and repeats the hour at midnight
    bounds=Bounds(south_deg=29.75, west_deg=30.90, north_deg=30.25, east_deg=31.55),
)
JANUARY, MARCH = date(2024, 1, 1), date(2024, 3, 1)
SCHEMA = {
    "pickup_at": pl.Datetime("us"),
    "dropoff_at": pl.Datetime("us"),
    "pickup_lat": pl.Float64(),
    "pickup_lon": pl.Float64(),
    "dropoff_lat": pl.Float64(),
    "dropoff_lon": pl.Float64(),
    "passenger_count": pl.Int16(),
    "distance_km": pl.Float64(),
    "total_amount": pl.Float64(),
}


def trips_of(simulation: Simulation) -> pl.DataFrame:
    """All rows, with what they took and how fast they were."""
    frames = [frame for month, _ in simulation.rows_by_month() for frame in simulation.frames(month)]
    return pl.concat(frames).with_columns(
        duration_s=(pl.col("dropoff_at") - pl.col("pickup_at")).dt.total_seconds(),
        hour=pl.col("pickup_at").dt.hour(),
        weekday=pl.col("pickup_at").dt.weekday(),
    )


@pytest.fixture(scope="module")
def tidy() -> pl.DataFrame:
    """January without mess: a month in which no clock changes."""
    return trips_of(Simulation(city=NEW_YORK_LIKE, trips=120_000, months=1, mess=0))


class TestRows:
    def test_frames_have_the_canonical_columns(self) -> None:
        for frame in Simulation(city=NEW_YORK_LIKE, trips=3_000).frames(JANUARY):
            assert dict(frame.schema) == SCHEMA

    def test_equal_options_give_equal_rows(self) -> None:
        first, second = (Simulation(city=NEW_YORK_LIKE, trips=5_000, seed=3) for _ in range(2))
        assert trips_of(first).equals(trips_of(second))

    def test_another_seed_gives_other_rows(self) -> None:
        first, second = (Simulation(city=NEW_YORK_LIKE, trips=5_000, seed=seed) for seed in (3, 4))
        assert not trips_of(first).equals(trips_of(second))

    def test_a_month_can_be_made_alone(self) -> None:
        simulation = Simulation(city=NEW_YORK_LIKE, trips=5_000)
        everything = trips_of(simulation)
        alone = pl.concat(simulation.frames(date(2024, 2, 17)))
        february = everything.filter(pl.col("pickup_at").dt.month() == 2).select(alone.columns)
        assert february.equals(alone)

    @given(
        trips=st.integers(1, 3_000),
        since=st.dates(date(2000, 1, 1), date(2090, 1, 1)),
        months=st.integers(1, 14),
        city=st.sampled_from((NEW_YORK_LIKE, SMALL_TOWN)),
    )
    @settings(deadline=None, max_examples=10)
    def test_months_follow_each_other_and_sum_to_the_trips(
        self, trips: int, since: date, months: int, city: City
    ) -> None:
        simulation = Simulation(city=city, trips=trips, since=since, months=months)
        by_month = simulation.rows_by_month()
        assert len(by_month) == months
        assert by_month[0][0] == since.replace(day=1)
        assert [month for month, _ in by_month] == sorted({month for month, _ in by_month})
        assert sum(rows for _, rows in by_month) == trips
        for month, rows in by_month:
            frames = list(simulation.frames(month))
            assert sum(len(frame) for frame in frames) == rows
            for frame in frames:
                assert frame["pickup_at"].dt.date().dt.replace(day=1).unique().to_list() == [month]
                assert frame["pickup_at"].dt.date().min() >= since

    @pytest.mark.parametrize("rows_per_frame", [1, 999, 40_000, 250_000])
    def test_frames_are_full_but_the_last_and_their_size_changes_nothing(self, rows_per_frame: int) -> None:
        trips = 1_500 if rows_per_frame == 1 else 50_000
        simulation = Simulation(city=NEW_YORK_LIKE, trips=trips, months=1)
        frames = list(simulation.frames(JANUARY, rows_per_frame=rows_per_frame))
        *full, last = [len(frame) for frame in frames]
        assert set(full) <= {rows_per_frame}
        assert 0 < last <= rows_per_frame
        assert pl.concat(frames).equals(pl.concat(simulation.frames(JANUARY)))

    def test_a_day_of_many_rows_comes_in_bounded_frames(self) -> None:
        simulation = Simulation(city=NEW_YORK_LIKE, trips=100_000_000, months=1)
        frames = simulation.frames(JANUARY, rows_per_frame=50_000)
        pickups = [next(frames)["pickup_at"] for _ in range(3)]
        assert [len(at) for at in pickups] == [50_000] * 3
        assert pl.concat(pickups).is_sorted()
        assert set(pl.concat(pickups).dt.date()) == {JANUARY}

    def test_a_month_outside_is_not_there(self) -> None:
        simulation = Simulation(city=NEW_YORK_LIKE, trips=100)
        with pytest.raises(MissingSource, match="no month 2024-04: it runs 3 months from 2024-01-01"):
            next(simulation.frames(date(2024, 4, 1)))


class TestClock:
    def test_pickups_are_in_order_within_their_month(self, tidy: pl.DataFrame) -> None:
        assert tidy["pickup_at"].is_sorted()

    @pytest.mark.parametrize(
        ("city", "month"),
        [(NEW_YORK_LIKE, MARCH), (SMALL_TOWN, date(2024, 10, 1)), (CAIRO, date(2024, 4, 1))],
    )
    def test_no_time_lies_in_the_skipped_hour(self, city: City, month: date) -> None:
        simulation = Simulation(city=city, trips=60_000, since=month, months=1, mess=0)
        for name in ("pickup_at", "dropoff_at"):
            local = trips_of(simulation)[name]
            assert local.dt.replace_time_zone(
                city.time_zone, non_existent="null", ambiguous="earliest"
            ).equals(local.dt.replace_time_zone(city.time_zone, ambiguous="earliest"))

    @pytest.mark.parametrize("since", [date(2024, 10, 31), date(2024, 11, 1)])
    def test_clocks_that_change_at_midnight_move_no_trip_to_another_day(self, since: date) -> None:
        simulation = Simulation(city=CAIRO, trips=3_000, since=since, months=1, mess=0)
        pickup_at = pl.concat(simulation.frames(since))["pickup_at"]
        assert pickup_at.dt.date().min() == since
        assert set(pickup_at.dt.month()) == {since.month}

    def test_a_trip_over_the_skipped_hour_shows_an_hour_more(self) -> None:
        trips = trips_of(Simulation(city=NEW_YORK_LIKE, trips=200_000, since=MARCH, months=1, mess=0))
        night = trips.filter(pl.col("pickup_at").dt.date() == date(2024, 3, 10), pl.col("hour") == 1)
        over = night.filter(pl.col("dropoff_at").dt.hour() != 1)
        assert len(over)
        assert over["dropoff_at"].dt.hour().min() == 3
        assert over["duration_s"].min() > 3600

    def test_the_hour_that_happens_twice_has_twice_the_trips(self) -> None:
        trips = trips_of(
            Simulation(city=NEW_YORK_LIKE, trips=300_000, since=date(2024, 11, 1), months=1, mess=0)
        )
        sundays = trips.filter(pl.col("hour") == 1, pl.col("weekday") == 7)
        by_day = dict(sundays.group_by(pl.col("pickup_at").dt.date()).len().rows())
        ratio = by_day[date(2024, 11, 3)] / by_day[date(2024, 11, 10)]
        assert ratio == pytest.approx(2, rel=0.1)


class TestPlausibility:
    def test_trips_without_mess_are_whole_and_believable(self, tidy: pl.DataFrame) -> None:
        bounds = NEW_YORK_LIKE.bounds
        assert not tidy.null_count().sum_horizontal().item()
        assert tidy.n_unique() == len(tidy)
        assert tidy["duration_s"].is_between(60, 3 * 3600, closed="none").all()
        assert tidy["passenger_count"].is_between(1, 6).all()
        for end in ("pickup", "dropoff"):
            assert tidy[f"{end}_lat"].is_between(bounds.south_deg, bounds.north_deg).all()
            assert tidy[f"{end}_lon"].is_between(bounds.west_deg, bounds.east_deg).all()

    def test_durations_and_speeds_are_those_of_a_city(self, tidy: pl.DataFrame) -> None:
        median_min = tidy["duration_s"].median() / 60
        speed_km_h = tidy["distance_km"] / tidy["duration_s"] * 3600
        assert 10.5 < median_min < 13.5
        assert (speed_km_h.is_between(5, 60)).mean() > 0.99

    def test_airports_have_trips(self, tidy: pl.DataFrame) -> None:
        for airport in NEW_YORK_LIKE.airports:
            is_near = ((tidy["pickup_lat"] - airport.point.lat_deg).abs() < 0.012) & (
                (tidy["pickup_lon"] - airport.point.lon_deg).abs() < 0.015
            )
            assert 0.003 < is_near.mean() < 0.05

    @pytest.mark.parametrize("seed", [1, 2, 3])
    def test_who_knows_all_but_chance_errs_by_about_a_sixth(self, seed: int) -> None:
        city, rng = SimulatedCity(NEW_YORK_LIKE, seed), np.random.default_rng(0)
        at_s = np.sort(rng.random(50_000)) * 86_400
        quarters = (at_s / 900).astype(np.int64) + 96
        ride = city.ride(city.ends(rng, quarters), city.day(date(2024, 1, 9), rng), at_s, quarters)
        known_s = np.exp(ride.log_duration_s)
        taken_s = known_s * np.exp(ride.log_spread * rng.standard_normal(50_000))
        assert 0.15 < np.abs(taken_s - known_s).mean() / taken_s.mean() < 0.20


class TestLearning:
    def test_rush_is_slower_than_night_over_the_same_distance(self, tidy: pl.DataFrame) -> None:
        alike = tidy.filter(pl.col("distance_km").is_between(3, 4), pl.col("weekday") <= 5)
        rush = alike.filter(pl.col("hour") == 17)["duration_s"].median()
        night = alike.filter(pl.col("hour").is_in([2, 3, 4]))["duration_s"].median()
        assert rush > 1.4 * night

    def test_the_centre_is_slower_than_the_outskirts(self, tidy: pl.DataFrame) -> None:
        centre = NEW_YORK_LIKE.bounds.centre
        away_deg = (
            (pl.col("pickup_lat") - centre.lat_deg).abs() + (pl.col("dropoff_lat") - centre.lat_deg).abs()
        ) + 0.76 * (
            (pl.col("pickup_lon") - centre.lon_deg).abs() + (pl.col("dropoff_lon") - centre.lon_deg).abs()
        )
        alike = tidy.filter(pl.col("distance_km").is_between(2, 3))
        inside = alike.filter(away_deg < 0.05)["duration_s"].median()
        outside = alike.filter(away_deg > 0.2)["duration_s"].median()
        assert inside > 1.2 * outside

    def test_longer_trips_are_faster(self, tidy: pl.DataFrame) -> None:
        speed_km_h = pl.col("distance_km") / pl.col("duration_s") * 3600
        short = tidy.filter(pl.col("distance_km") < 2).select(speed_km_h.median()).item()
        long = tidy.filter(pl.col("distance_km") > 10).select(speed_km_h.median()).item()
        assert long > 1.5 * short

    def test_distance_and_hour_tell_much_of_the_duration(self, tidy: pl.DataFrame) -> None:
        """A lookup from the first three weeks, by straight distance and hour, on the days after."""
        centre = NEW_YORK_LIKE.bounds.centre
        north = (pl.col("dropoff_lat") - pl.col("pickup_lat")) * 111.2
        east = (pl.col("dropoff_lon") - pl.col("pickup_lon")) * 111.2 * np.cos(np.radians(centre.lat_deg))
        key = ("straight_km", "hour")
        trips = tidy.with_columns(straight_km=(north**2 + east**2).sqrt().round(0))
        is_seen = pl.col("pickup_at").dt.date() < date(2024, 1, 22)
        seen, later = trips.filter(is_seen), trips.filter(~is_seen)
        table = seen.group_by(key).agg(expected_s=pl.col("duration_s").median())
        error_s = later.join(table, on=key).select((pl.col("expected_s") - pl.col("duration_s")).abs().mean())
        baseline_s = (later["duration_s"] - seen["duration_s"].median()).abs().mean()
        assert error_s.item() < 0.65 * baseline_s

    def test_a_holiday_is_lived_as_a_sunday(self, tidy: pl.DataFrame) -> None:
        mornings = tidy.filter(pl.col("hour") == 7, pl.col("weekday") == 1)
        by_day = dict(mornings.group_by(pl.col("pickup_at").dt.date()).len().rows())
        assert by_day[date(2024, 1, 1)] < 0.5 * by_day[date(2024, 1, 8)]


class TestDrift:
    def test_durations_grow_from_the_day_of_the_slowdown_on(self) -> None:
        day = date(2024, 1, 16)
        before = Simulation(city=NEW_YORK_LIKE, trips=20_000, months=1, mess=0)
        slowed = Simulation(
            city=NEW_YORK_LIKE, trips=20_000, months=1, mess=0, slowdown=1.3, slowdown_from=day
        )
        ordinary, drifted = trips_of(before), trips_of(slowed)
        places = ["pickup_at", "pickup_lat", "pickup_lon", "dropoff_lat", "dropoff_lon"]
        assert drifted.select(places).equals(ordinary.select(places))
        ratio = drifted["duration_s"] / ordinary["duration_s"]
        is_late = ordinary["pickup_at"].dt.date() >= day
        assert (ratio.filter(~is_late) == 1).all()
        assert ratio.filter(is_late).is_between(1.28, 1.32).mean() > 0.999

    def test_without_a_day_everything_is_slower(self) -> None:
        ordinary, slow = (
            trips_of(Simulation(city=NEW_YORK_LIKE, trips=2_000, months=1, mess=0, slowdown=slowdown))
            for slowdown in (1.0, 2.0)
        )
        assert (slow["duration_s"] / ordinary["duration_s"]).median() == pytest.approx(2, rel=0.01)


class TestMess:
    def test_the_share_of_wrong_rows_is_as_asked(self) -> None:
        share, kinds = 0.10, 5
        trips = trips_of(Simulation(city=NEW_YORK_LIKE, trips=100_000, months=1, mess=share))
        duration_s = trips["duration_s"]
        columns = list(SCHEMA)
        found = {
            "meter left on": (duration_s >= 20 * 3600).fill_null(False),
            "not positive": (duration_s <= 0).fill_null(False),
            "nowhere": (trips["pickup_lat"] == 0).fill_null(False)
            & (trips["dropoff_lon"] == 0).fill_null(False),
            "missing": trips.select(pl.any_horizontal(pl.col(columns).is_null())).to_series(),
            "repeated": ~trips.select(columns)
            .with_row_index()
            .select(pl.struct(columns).is_first_distinct())
            .to_series(),
        }
        for name, rows in found.items():
            assert rows.mean() == pytest.approx(share / kinds, rel=0.15), name
        wrong = pl.DataFrame(found).select(pl.any_horizontal(pl.all())).to_series()
        assert wrong.mean() == pytest.approx(share, rel=0.05)

    def test_every_kind_of_value_goes_missing(self) -> None:
        trips = trips_of(Simulation(city=NEW_YORK_LIKE, trips=5_000, months=1, mess=0.3))
        for name in ("dropoff_at", "pickup_lat", "dropoff_lon", "passenger_count"):
            assert trips[name].null_count()
        assert not trips["pickup_at"].null_count()
        assert not any(trips[name].is_nan().any() for name in ("pickup_lat", "dropoff_lon"))

    def test_mess_leaves_the_other_rows_as_they_were(self) -> None:
        tidy, messy = (
            trips_of(Simulation(city=NEW_YORK_LIKE, trips=5_000, months=1, mess=mess)) for mess in (0, 0.1)
        )
        kept = messy.join(tidy, on=list(SCHEMA), how="semi")
        assert len(kept) / len(messy) == pytest.approx(0.92, abs=0.02)  # repeated rows are as good as any


class TestOptions:
    def test_no_options_are_the_defaults(self) -> None:
        assert Simulation.parse("", NEW_YORK_LIKE) == Simulation(city=NEW_YORK_LIKE)

    def test_every_option_is_read(self) -> None:
        options = (
            "trips=10_000_000, seed=3,since=2024-02-01,months=12,slowdown=1.3,"
            "slowdown_from=2024-03-01,mess=0.05"
        )
        assert Simulation.parse(options, NEW_YORK_LIKE) == Simulation(
            city=NEW_YORK_LIKE,
            trips=10_000_000,
            seed=3,
            since=date(2024, 2, 1),
            months=12,
            slowdown=1.3,
            slowdown_from=date(2024, 3, 1),
            mess=0.05,
        )

    @pytest.mark.parametrize(
        ("options", "said"),
        [
            ("trip=5", "no option 'trip=5'"),
            ("trips", "no option 'trips'"),
            ("trips=5,", "no option ''"),
            ("trips=5,trips=6", "option trips is given twice"),
            ("trips=many", "option trips must be a whole number, not 'many'"),
            ("trips=1.5", "option trips must be a whole number"),
            ("trips=0", "option trips must be 1 to 100,000,000, not 0"),
            ("trips=100_000_001", "option trips must be 1 to 100,000,000"),
            ("seed=-1", "option seed must be 0 to"),
            ("months=0", "option months must be 1 to 120"),
            ("months=121", "option months must be 1 to 120"),
            ("since=yesterday", "option since must be a day such as 2024-01-01, not 'yesterday'"),
            ("since=1999-12-31", "option since must be 2000-01-01 to before 2100-01-01"),
            ("since=2099-12-01,months=2", "option months must be 1 to 1 from 2099-12-01 on, not 2"),
            ("slowdown=nan", "option slowdown must be 0.1 to 10"),
            ("slowdown=0", "option slowdown must be 0.1 to 10"),
            ("slowdown_from=2024-02-30", "option slowdown_from must be a day"),
            ("mess=0.6", "option mess must be 0 to 0.5"),
        ],
    )
    def test_a_wrong_option_is_named_with_the_known_ones(self, options: str, said: str) -> None:
        with pytest.raises(InvalidSource) as caught:
            Simulation.parse(options, NEW_YORK_LIKE)
        assert said in str(caught.value)
        assert "known options are trips, seed, since, months, slowdown, slowdown_from, mess" in str(
            caught.value
        )

    @given(options=st.text(max_size=60))
    @settings(deadline=None)
    def test_any_text_is_read_or_refused(self, options: str) -> None:
        with suppress(InvalidSource):
            assert isinstance(Simulation.parse(options, NEW_YORK_LIKE), Simulation)

    def test_the_last_possible_month_can_be_made(self) -> None:
        simulation = Simulation(city=NEW_YORK_LIKE, trips=50, since=date(2099, 12, 1), months=1, mess=0)
        trips = trips_of(simulation)
        assert len(trips) == 50
        assert set(trips["pickup_at"].dt.year()) == {2099}
