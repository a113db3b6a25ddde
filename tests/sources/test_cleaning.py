"""What becomes of a row: a trip, or a record of it with the reason why it is none."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from sources.rows import ROW, ZONE_ROW, clean, reasons, records, trip, trips
from taxi_predictor.domain.place import Point, Zone, ZoneId, ZoneTable
from taxi_predictor.domain.plausibility import Rejection
from taxi_predictor.domain.trip import TRIP_COLUMNS

# What becomes of a row


def test_a_trip_has_the_columns_and_types_of_the_port() -> None:
    table = clean(ZONE_ROW).trips.table
    assert isinstance(table, pl.DataFrame)
    assert table.schema == {
        "pickup_at": pl.Datetime("us", "UTC"),
        "pickup_lat_deg": pl.Float64,
        "pickup_lon_deg": pl.Float64,
        "pickup_zone": pl.Int32,
        "dropoff_lat_deg": pl.Float64,
        "dropoff_lon_deg": pl.Float64,
        "dropoff_zone": pl.Int32,
        "passenger_count": pl.Int16,
        "trip_id": pl.String,
        "duration_s": pl.Float64,
        "metered_distance_km": pl.Float64,
        "total_amount": pl.Float64,
    }
    assert tuple(table.columns) == TRIP_COLUMNS


def test_a_trip_between_zones_runs_between_their_centroids() -> None:
    assert trip(ZONE_ROW) == {
        "pickup_at": datetime(2022, 1, 1, 14, 0, tzinfo=UTC),
        "pickup_lat_deg": 40.80,
        "pickup_lon_deg": -73.94,
        "pickup_zone": 74,
        "dropoff_lat_deg": 40.81,
        "dropoff_lon_deg": -73.96,
        "dropoff_zone": 166,
        "passenger_count": 1,
        "trip_id": "78087448750084e0aedb14b5d3b8d752",  # must never change
        "duration_s": 900.0,
        "metered_distance_km": pytest.approx(2.5 * 1.609344),
        "total_amount": 17.3,
    }


def test_what_a_file_does_not_have_is_null() -> None:
    read = trip(ROW, zones=None)
    absent = ("pickup_zone", "dropoff_zone", "passenger_count", "metered_distance_km", "total_amount")
    assert [read[name] for name in absent] == [None] * 5


def test_kilometres_are_kept_and_miles_are_converted() -> None:
    assert trip({**ROW, "distance_km": 10})["metered_distance_km"] == 10
    assert trip({**ROW, "distance_mi": 10})["metered_distance_km"] == pytest.approx(16.09344)


def test_a_duration_stands_in_for_a_missing_end_and_not_for_a_given_one() -> None:
    assert trip({**ROW, "dropoff_at": None, "duration_s": 777})["duration_s"] == 777
    assert trip({**ROW, "duration_s": 777})["duration_s"] == 900


def test_coordinates_go_before_the_zone_which_is_kept() -> None:
    read = trip({**ROW, "pickup_zone": 74, "dropoff_zone": 9_999})
    assert (read["pickup_lat_deg"], read["pickup_lon_deg"], read["pickup_zone"]) == (40.75, -73.98, 74)
    assert read["dropoff_zone"] == 9_999


@pytest.mark.parametrize("absent", [("pickup_lat", "pickup_lon"), ("pickup_lat",), ("pickup_lon",)])
def test_the_centroid_stands_in_where_a_coordinate_is_missing(absent: tuple[str, ...]) -> None:
    """Both of its axes: half a point and half a centroid is nowhere."""
    read = trip({**ROW, **dict.fromkeys(absent), "pickup_zone": 74, "dropoff_zone": 166})
    assert (read["pickup_lat_deg"], read["pickup_lon_deg"]) == (40.80, -73.94)
    assert (read["dropoff_lat_deg"], read["dropoff_lon_deg"]) == (40.77, -73.96)


def test_passenger_counts_that_make_no_sense_are_null() -> None:
    counts = pl.Series([0, 6, -1, 1.5, 40_000, 1e300, float("inf"), None], dtype=pl.Float64, strict=False)
    frame = pl.DataFrame([dict(ROW)] * len(counts)).with_columns(passenger_count=counts)
    assert [read["passenger_count"] for read in trips(clean(frame))] == [0, 6, *[None] * 6]


def test_facts_that_cannot_be_read_are_null() -> None:
    read = trip({**ROW, "distance_km": "far", "total_amount": "inf", "passenger_count": "two"})
    assert (read["metered_distance_km"], read["total_amount"], read["passenger_count"]) == (None, None, None)


def test_given_ids_are_used_and_blank_ones_replaced() -> None:
    frame = pl.DataFrame([{**ROW, "trip_id": name} for name in (" a ", "a", "b", "  ", None)])
    ids = [read["trip_id"] for read in trips(clean(frame))]
    assert ids[0] == ids[1] != ids[2]
    assert ids[3] == ids[4] == trip(ROW)["trip_id"]


def test_an_id_does_not_depend_on_the_zone_table() -> None:
    moved = {
        ZoneId(number): Zone(id=ZoneId(number), name="", borough="", centroid=Point(40.7, -74.0))
        for number in (74, 166)
    }
    assert trip(ZONE_ROW, zones=ZoneTable(moved))["trip_id"] == trip(ZONE_ROW)["trip_id"]


def test_plans_need_no_end_and_what_is_known_of_it_is_not_read() -> None:
    row = {**ZONE_ROW, "lpep_dropoff_datetime": "nonsense", "trip_distance": "nonsense"}
    batch = clean(row, are_finished=False)
    assert reasons(batch) == []
    [plan] = trips(batch)
    facts = ("duration_s", "metered_distance_km", "total_amount")
    assert [plan[name] for name in facts] == [None] * 3
    assert (plan["pickup_zone"], plan["passenger_count"]) == (74, 1)
    without = {name: value for name, value in ROW.items() if name != "dropoff_at"}
    assert len(clean(without, are_finished=False).trips) == 1
    assert reasons(clean({**without, "pickup_at": None}, are_finished=False)) == ["missing-field"]


def test_how_many_ride_is_a_fact_of_a_trip_that_ended_and_part_of_the_question_before() -> None:
    """So is which of two times a clock's reading is, where the end does not tell."""
    row = {**ROW, "passenger_count": 10}
    assert reasons(clean(row)) == []
    assert reasons(clean(row, are_finished=False)) == ["malformed-field"]
    twice = {**ROW, "pickup_at": "2023-11-05 01:30:00", "dropoff_at": "2023-11-05 01:45:00"}
    assert reasons(clean(twice)) == []
    assert reasons(clean(twice, are_finished=False)) == ["repeated-hour"]


# Why a row is refused


@pytest.mark.parametrize(
    ("reason", "change"),
    [
        (Rejection.MISSING_FIELD, {"pickup_at": None}),
        (Rejection.MISSING_FIELD, {"pickup_at": "  "}),
        (Rejection.MISSING_FIELD, {"dropoff_at": None}),
        (Rejection.MISSING_FIELD, {"pickup_lat": None}),
        (Rejection.MISSING_FIELD, {"dropoff_lon": float("nan")}),
        (Rejection.MALFORMED_FIELD, {"pickup_at": "yesterday"}),
        (Rejection.MALFORMED_FIELD, {"pickup_at": "2022-02-30 09:00:00"}),
        (Rejection.MALFORMED_FIELD, {"pickup_at": 1_640_997_000}),
        (Rejection.MALFORMED_FIELD, {"pickup_at": date(2022, 1, 1)}),
        (Rejection.MALFORMED_FIELD, {"dropoff_at": "0001-01-01 00:00:00"}),
        (Rejection.MALFORMED_FIELD, {"dropoff_at": "9999-12-31 23:59:59"}),
        (Rejection.MALFORMED_FIELD, {"pickup_lat": "north"}),
        (Rejection.MALFORMED_FIELD, {"pickup_lat": float("inf")}),
        (Rejection.MALFORMED_FIELD, {"pickup_lat": [40.7]}),
        (Rejection.MALFORMED_FIELD, {"pickup_lat": {"deg": 40.7}}),
        (Rejection.MALFORMED_FIELD, {"pickup_lat": True}),
        (Rejection.MALFORMED_FIELD, {"pickup_lat": b"\xff"}),
        (Rejection.MALFORMED_FIELD, {"pickup_zone": 74.5}),
        (Rejection.MALFORMED_FIELD, {"pickup_zone": 1e12}),
        (
            Rejection.NONEXISTENT_TIME,
            {"pickup_at": "2022-03-13 02:30:00", "dropoff_at": "2022-03-13 03:30:00"},
        ),
        (
            Rejection.NONEXISTENT_TIME,
            {"pickup_at": "2022-03-13 01:50:00", "dropoff_at": "2022-03-13 02:00:00"},
        ),
        (Rejection.WRONG_MONTH, {"pickup_at": "2021-12-31 23:59:59"}),
        (Rejection.WRONG_MONTH, {"pickup_at": "2022-02-01 00:00:00", "dropoff_at": "2022-02-01 00:10:00"}),
        (
            Rejection.OUTSIDE_CALENDAR,
            {"pickup_at": "1999-12-31 23:59:59+00:00", "dropoff_at": "2000-01-01 00:10:00+00:00"},
        ),
        (
            Rejection.OUTSIDE_CALENDAR,
            {"pickup_at": "2100-01-01 00:00:00+00:00", "dropoff_at": "2100-01-01 00:10:00+00:00"},
        ),
        (Rejection.UNKNOWN_ZONE, {"pickup_lat": None, "pickup_zone": 264}),
        (Rejection.UNKNOWN_ZONE, {"dropoff_lon": None, "dropoff_zone": -1}),
        (Rejection.OUTSIDE_CITY, {"pickup_lat": 0.0, "pickup_lon": 0.0}),
        (Rejection.NOT_POSITIVE, {"dropoff_at": "2022-01-01 09:00:00"}),
        (Rejection.NOT_POSITIVE, {"dropoff_at": "2022-01-01 08:00:00"}),
        (Rejection.METER_LEFT_ON, {"dropoff_at": "2022-01-02 08:59:00"}),
        (Rejection.TOO_SHORT, {"dropoff_at": "2022-01-01 09:00:59"}),
        (Rejection.TOO_LONG, {"dropoff_at": "2022-01-01 12:00:01"}),
        (Rejection.IMPOSSIBLE_SPEED, {"dropoff_at": "2022-01-01 09:01:00"}),
    ],
)
def test_a_row_is_refused_for_one_reason(reason: Rejection, change: dict[str, Any]) -> None:
    is_of_any_month = reason in (Rejection.NONEXISTENT_TIME, Rejection.OUTSIDE_CALENDAR)
    month = None if is_of_any_month else date(2022, 1, 1)
    batch = clean({**ROW, "pickup_zone": None, "dropoff_zone": None, **change}, month=month)
    assert reasons(batch) == [reason]


def test_only_duplicates_are_not_ours_to_find() -> None:
    """Every other reason is produced by the test above."""
    [mark] = test_a_row_is_refused_for_one_reason.pytestmark  # type: ignore[attr-defined] # pytest sets it
    assert set(Rejection) - {reason for reason, _ in mark.args[1]} == {Rejection.DUPLICATE}
    assert len(clean(pl.DataFrame([dict(ROW), dict(ROW)])).trips) == 2


def test_the_first_reason_counts() -> None:
    assert reasons(clean({**ROW, "pickup_lat": "north", "dropoff_at": None})) == ["malformed-field"]
    assert reasons(clean({**ROW, "pickup_lat": 0.0, "dropoff_at": ROW["pickup_at"]})) == ["outside-city"]


@pytest.mark.parametrize("zone", [264, 265])
def test_the_tlc_s_unknown_zones_are_unknown(zone: int) -> None:
    assert reasons(clean({**ZONE_ROW, "DOLocationID": zone})) == ["unknown-zone"]
    assert reasons(clean({**ZONE_ROW, "PULocationID": None})) == ["missing-field"]


def test_a_month_is_that_of_the_city() -> None:
    """Half past eleven on New Year's Eve in New York is January in Greenwich."""
    row = {**ROW, "pickup_at": "2021-12-31 23:30:00", "dropoff_at": "2021-12-31 23:45:00"}
    assert trip(row, month=date(2021, 12, 1))["pickup_at"].month == 1


# The record of a refused row


def test_a_record_is_the_row_as_it_was_read() -> None:
    row = {**ROW, "dropoff_at": "soon", " Weather ": 'Ünï "rain"\n\0', "tip": None, "n": 7, "ok": True}
    assert records(clean(row)) == [row]


@pytest.mark.parametrize(
    ("values", "written"),
    [
        (pl.Series([1.5, float("nan")]), [1.5, None]),
        (pl.Series([1.5, float("inf")]), ["1.5", "inf"]),
        (pl.Series([b"text", b"\x00\xff"]), ["text", "\\x00ff"]),
        (pl.Series([Decimal("1.50"), None]), ["1.50", None]),
        (pl.Series(["a", None], dtype=pl.Categorical), ["a", None]),
        (pl.Series([None, None]), [None, None]),
        (pl.Series([2**63 - 1, 0]).cast(pl.Datetime("us")), [2**63 - 1, 0]),
        (pl.Series([-(2**63), 0]).cast(pl.Datetime("ms", "UTC")), [-(2**63), 0]),
        (pl.Series([2**31 - 1, 0], dtype=pl.Int32).cast(pl.Date), [2**31 - 1, 0]),
        (pl.Series([date(2022, 1, 1), None]), ["2022-01-01", None]),
        (pl.Series([[b"\xff"], None]), ["<List(Binary)>"] * 2),
        (pl.Series([{"a": b"\xff"}, None]), ["<Struct({'a': Binary})>"] * 2),
        (pl.Series([2**64 - 1, 0], dtype=pl.UInt64), [2**64 - 1, 0]),
    ],
    ids=lambda value: str(value.dtype) if isinstance(value, pl.Series) else "",
)
def test_columns_of_any_type_can_be_recorded(values: pl.Series, written: list[Any]) -> None:
    frame = pl.DataFrame([{**ROW, "dropoff_at": None}] * 2).with_columns(extra=values)
    assert [record["extra"] for record in records(clean(frame))] == written
