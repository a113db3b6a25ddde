"""The nights in which the clocks change, as files have them."""

from datetime import UTC, datetime

import polars as pl
import pytest

from sources.rows import ROW, clean, reasons, trip, trips
from taxi_predictor.domain.city import City
from taxi_predictor.domain.place import Bounds

ANYWHERE = Bounds(south_deg=-90, west_deg=-180, north_deg=90, east_deg=180)


# The nights in which the clocks change


def reading(pickup_at: str, dropoff_at: str, *, zone: str = "America/New_York") -> object:
    """Pickup in UTC, minutes and ambiguous rows; or why it was refused."""
    city = City(name="a city", time_zone=zone, bounds=ANYWHERE)
    batch = clean({**ROW, "pickup_at": f"2022-{pickup_at}", "dropoff_at": f"2022-{dropoff_at}"}, city=city)
    if len(batch.rejects):
        return reasons(batch)[0]
    [read] = trips(batch)
    return f"{read['pickup_at']:%H:%M}", read["duration_s"] / 60, batch.ambiguous_times


@pytest.mark.parametrize(
    ("pickup_at", "dropoff_at", "expected"),
    [
        ("11-06 00:40:00", "11-06 00:55:00", ("04:40", 15, 0)),
        ("11-06 00:50:00", "11-06 01:10:00", ("04:50", 20, 1)),
        ("11-06 01:10:00", "11-06 01:30:00", ("05:10", 20, 1)),
        ("11-06 01:50:00", "11-06 01:10:00", ("05:50", 20, 1)),
        ("11-06 01:50:00", "11-06 02:10:00", ("06:50", 20, 1)),
        ("11-06 02:00:00", "11-06 02:10:00", ("07:00", 10, 0)),
        ("11-06 01:30:00", "11-06 01:30:00", "not-positive"),
        ("11-06 02:30:00", "11-06 01:50:00", "not-positive"),
        ("11-06 00:50:00", "11-06 00:40:00", "not-positive"),
        ("03-13 01:50:00", "03-13 03:10:00", ("06:50", 20, 0)),
        ("03-13 02:00:00", "03-13 03:10:00", "nonexistent-time"),
        ("03-13 01:50:00", "03-13 02:59:59", "nonexistent-time"),
        ("03-13 03:00:00", "03-13 03:10:00", ("07:00", 10, 0)),
    ],
)
def test_the_hour_that_is_skipped_and_the_one_that_comes_twice(
    pickup_at: str, dropoff_at: str, expected: object
) -> None:
    assert reading(pickup_at, dropoff_at) == expected


@pytest.mark.parametrize(
    ("zone", "pickup_at", "dropoff_at", "expected"),
    [
        # Half an hour: 02:00 becomes 01:30 in April and 02:30 in October.
        ("Australia/Lord_Howe", "04-03 01:50:00", "04-03 01:40:00", ("14:50", 20, 1)),
        ("Australia/Lord_Howe", "04-03 01:50:00", "04-03 02:10:00", ("15:20", 20, 1)),
        ("Australia/Lord_Howe", "04-03 01:20:00", "04-03 01:29:00", ("14:20", 9, 0)),
        ("Australia/Lord_Howe", "10-02 02:10:00", "10-02 02:40:00", "nonexistent-time"),
        ("Australia/Lord_Howe", "10-02 01:50:00", "10-02 02:40:00", ("15:20", 20, 0)),
        # At midnight: the last hour of a day comes twice, the first of another never.
        ("Asia/Beirut", "10-29 23:50:00", "10-29 23:10:00", ("20:50", 20, 1)),
        ("Asia/Beirut", "10-29 23:50:00", "10-30 00:10:00", ("21:50", 20, 1)),
        ("Asia/Beirut", "03-27 00:30:00", "03-27 01:30:00", "nonexistent-time"),
        ("America/Havana", "11-06 00:50:00", "11-06 00:10:00", ("04:50", 20, 1)),
        ("America/Havana", "11-05 23:50:00", "11-06 00:10:00", ("03:50", 20, 1)),
        ("America/Havana", "03-12 23:50:00", "03-13 00:10:00", "nonexistent-time"),
        ("America/Havana", "03-12 23:50:00", "03-13 01:10:00", ("04:50", 20, 0)),
    ],
)
def test_clocks_change_otherwise_elsewhere(
    zone: str, pickup_at: str, dropoff_at: str, expected: object
) -> None:
    assert reading(pickup_at, dropoff_at, zone=zone) == expected


def test_cairo_changes_at_midnight_since_2023() -> None:
    cairo = City(name="Cairo", time_zone="Africa/Cairo", bounds=ANYWHERE)
    over = {**ROW, "pickup_at": "2023-10-26 23:50:00", "dropoff_at": "2023-10-26 23:10:00"}
    assert trip(over, city=cairo)["pickup_at"] == datetime(2023, 10, 26, 20, 50, tzinfo=UTC)
    assert trip(over, city=cairo)["duration_s"] == 1200
    skipped = {**ROW, "pickup_at": "2023-04-28 00:30:00", "dropoff_at": "2023-04-28 01:30:00"}
    assert reasons(clean(skipped, city=cairo)) == ["nonexistent-time"]


def test_ambiguous_rows_are_counted_once_whether_accepted_or_not() -> None:
    ends = [("01:10", "01:30"), ("01:30", "01:30"), ("03:00", "03:10"), ("00:50", "01:10")]
    rows = [
        {**ROW, "pickup_at": f"2022-11-06 {begin}:00", "dropoff_at": f"2022-11-06 {end}:00"}
        for begin, end in ends
    ]
    batch = clean(pl.DataFrame(rows))
    assert (batch.ambiguous_times, list(batch.row_numbers), reasons(batch)) == (
        3,
        [1, 3, 4],
        ["not-positive"],
    )


def test_an_instant_is_never_ambiguous() -> None:
    row = {**ROW, "pickup_at": "2022-11-06T01:10:00-05:00", "dropoff_at": "2022-11-06T01:30:00-05:00"}
    batch = clean(row)
    assert (batch.ambiguous_times, trips(batch)[0]["duration_s"]) == (0, 1200)


def test_a_duration_leaves_an_ambiguous_pickup_at_its_first_reading() -> None:
    batch = clean({**ROW, "pickup_at": "2022-11-06 01:30:00", "dropoff_at": None, "duration_s": 600})
    assert batch.ambiguous_times == 1
    assert trips(batch)[0]["pickup_at"] == datetime(2022, 11, 6, 5, 30, tzinfo=UTC)
