import json
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taxi_predictor.adapters.sources.cleaning import Cleaning
from taxi_predictor.adapters.sources.schemas import Schema
from taxi_predictor.domain.city import City
from taxi_predictor.domain.place import Bounds, Point, Zone, ZoneId, ZoneTable
from taxi_predictor.domain.plausibility import Rejection
from taxi_predictor.domain.trip import TRIP_COLUMNS
from taxi_predictor.ports.outbound.sources import CleanBatch
from taxi_predictor.ports.testing.strategies import A_CITY

ZONES = ZoneTable(
    {
        ZoneId(number): Zone(id=ZoneId(number), name=f"zone {number}", borough="Manhattan", centroid=point)
        for number, point in ((74, Point(40.80, -73.94)), (166, Point(40.81, -73.96)))
    }
)
ANYWHERE = Bounds(south_deg=-90, west_deg=-180, north_deg=90, east_deg=180)

ROW: Mapping[str, Any] = {
    "pickup_at": "2022-01-01 09:00:00",
    "dropoff_at": "2022-01-01 09:15:00",
    "pickup_lat": 40.75,
    "pickup_lon": -73.98,
    "dropoff_lat": 40.77,
    "dropoff_lon": -73.96,
}
ZONE_ROW: Mapping[str, Any] = {
    "lpep_pickup_datetime": "2022-01-01 09:00:00",
    "lpep_dropoff_datetime": "2022-01-01 09:15:00",
    "PULocationID": 74,
    "DOLocationID": 166,
    "passenger_count": 1,
    "trip_distance": 2.5,
    "total_amount": 17.3,
}


def clean(
    raw: pl.DataFrame | Mapping[str, Any],
    *,
    city: City = A_CITY,
    zones: ZoneTable | None = ZONES,
    month: date | None = None,
    are_finished: bool = True,
) -> CleanBatch:
    frame = raw if isinstance(raw, pl.DataFrame) else pl.DataFrame([dict(raw)])
    schema = Schema.of(frame.columns, path="rows", are_finished=are_finished)
    batch = Cleaning(city=city, schema=schema, zones=zones, month=month).clean(frame, 1)
    assert batch.read == len(frame) == len(batch.trips) + len(batch.rejects)
    return batch


def trips(batch: CleanBatch) -> list[dict[str, Any]]:
    return pl.DataFrame(batch.trips.table).to_dicts()


def trip(raw: pl.DataFrame | Mapping[str, Any], **how: Any) -> dict[str, Any]:
    batch = clean(raw, **how)
    assert reasons(batch) == []
    [only] = trips(batch)
    return only


def reasons(batch: CleanBatch) -> list[str]:
    return list(batch.rejects.table.get_column("reason"))


def records(batch: CleanBatch) -> list[Any]:
    return [json.loads(record) for record in batch.rejects.table.get_column("record")]


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


# Types that files have


def as_types(**casts: Callable[[pl.Expr], pl.Expr]) -> pl.DataFrame:
    frame = pl.DataFrame([dict(ZONE_ROW)] * 2).with_columns(
        pl.col("lpep_pickup_datetime", "lpep_dropoff_datetime").str.to_datetime()
    )
    return frame.with_columns(change(pl.col(name)).alias(name) for name, change in casts.items())


@pytest.mark.parametrize(
    "frame",
    [
        as_types(),
        *(
            as_types(PULocationID=lambda column, t=t: column.cast(t))
            for t in (pl.Int32, pl.Float64, pl.UInt8)
        ),
        as_types(PULocationID=lambda column: column.cast(pl.String) + pl.lit(" ")),
        as_types(PULocationID=lambda column: column.cast(pl.String).cast(pl.Categorical)),
        as_types(PULocationID=lambda column: column.cast(pl.String).cast(pl.Enum(["74"]))),
        as_types(PULocationID=lambda column: column.cast(pl.String).cast(pl.Binary)),
        as_types(PULocationID=lambda column: column.cast(pl.Decimal(10, 2))),
        *(
            as_types(lpep_pickup_datetime=lambda column, unit=unit: column.dt.cast_time_unit(unit))
            for unit in ("ms", "ns")
        ),
        as_types(lpep_pickup_datetime=lambda column: column.dt.strftime("%Y-%m-%dT%H:%M:%S")),
        as_types(lpep_pickup_datetime=lambda column: column.dt.strftime("%m/%d/%Y %I:%M:%S %p")),
        as_types(lpep_pickup_datetime=lambda column: column.dt.strftime(" %Y-%m-%d %H:%M:%S.000 ")),
        as_types(lpep_pickup_datetime=lambda column: column.dt.strftime("%Y-%m-%d %H:%M")),
        as_types(
            trip_distance=lambda column: column.cast(pl.Float32), total_amount=lambda c: c.cast(pl.Float32)
        ),
        as_types(passenger_count=lambda column: column.cast(pl.Float64)),
    ],
)
def test_a_trip_is_the_same_in_whatever_types_it_was_written(frame: pl.DataFrame) -> None:
    usual = trip(ZONE_ROW)
    for read in trips(clean(frame)):
        assert read["trip_id"] == usual["trip_id"]
        assert read == {
            **usual,
            "total_amount": pytest.approx(17.3),
            "metered_distance_km": pytest.approx(4.02336),
        }


@pytest.mark.parametrize(
    "pickup_at",
    [
        "2022-01-01T14:00:00Z",
        "2022-01-01T09:00:00-05:00",
        "2022-01-01 16:00:00.0+0200",
        pl.Series([datetime(2022, 1, 1, 14, tzinfo=UTC)]),
        pl.Series([datetime(2022, 1, 1, 14, tzinfo=UTC)]).dt.convert_time_zone("Asia/Tokyo"),
    ],
)
def test_a_time_with_an_offset_is_that_instant(pickup_at: Any) -> None:
    frame = pl.DataFrame([dict(ROW)]).with_columns(pickup_at=pl.lit(pickup_at))
    assert trip(frame)["pickup_at"] == datetime(2022, 1, 1, 14, tzinfo=UTC)
    assert trip(frame)["duration_s"] == 900


def test_a_column_may_mix_local_times_offsets_and_nonsense() -> None:
    given = ["2022-01-01 09:00:00", "2022-01-01T14:00:00Z", "nonsense", "01/01/2022 09:00:00 AM", None]
    batch = clean(pl.DataFrame([{**ROW, "pickup_at": at} for at in given]))
    assert {read["pickup_at"] for read in trips(batch)} == {datetime(2022, 1, 1, 14, tzinfo=UTC)}
    assert list(batch.row_numbers) == [1, 2, 4]
    assert reasons(batch) == ["malformed-field", "missing-field"]


@pytest.mark.parametrize("name", sorted(ZONE_ROW))
def test_a_column_of_nothing_but_nulls_is_no_trouble(name: str) -> None:
    batch = clean({**ZONE_ROW, name: None})
    is_needed = name not in ("passenger_count", "trip_distance", "total_amount")
    assert reasons(batch) == (["missing-field"] if is_needed else [])


@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
def test_times_at_the_ends_of_their_type_are_malformed(unit: Any) -> None:
    extremes = pl.Series([2**63 - 1, -(2**63), -(2**63) + 1, 2**63 - 2]).cast(pl.Datetime(unit))
    frame = pl.DataFrame([dict(ROW)] * len(extremes)).with_columns(pickup_at=extremes, dropoff_at=extremes)
    assert reasons(clean(frame)) == ["malformed-field"] * len(extremes)


def test_no_rows_are_a_batch_too() -> None:
    batch = clean(pl.DataFrame([dict(ROW)]).clear())
    assert (len(batch.trips), len(batch.rejects), batch.ambiguous_times) == (0, 0, 0)


CELLS = st.one_of(
    st.none(),
    st.text(max_size=12),
    st.sampled_from(
        ["2022-11-06 01:30:00", "2022-03-13 02:30:00", "2022-01-01 09:00:00", "-73.9", "74", "NaN"]
    ),
)


@given(rows=st.lists(st.tuples(*[CELLS] * 8), min_size=1, max_size=5))
@settings(deadline=None, max_examples=60)
def test_any_text_is_a_trip_or_a_reject(rows: list[tuple[str | None, ...]]) -> None:
    names = (*ROW, "pickup_zone", "dropoff_zone")
    frame = pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String), orient="row")
    batch = clean(frame)
    rows_of = dict(enumerate(rows, 1))
    numbers = list(batch.rejects.table.get_column("row_number"))
    assert sorted([*numbers, *batch.row_numbers]) == sorted(rows_of)
    assert records(batch) == [dict(zip(names, rows_of[number], strict=True)) for number in numbers]


NUMBERS = st.one_of(st.none(), st.floats(), st.sampled_from([40.7, -73.9, 74.0]))


@given(rows=st.lists(st.tuples(st.integers(-(2**63), 2**63 - 1), *[NUMBERS] * 6), min_size=1, max_size=5))
@settings(deadline=None, max_examples=60)
def test_any_numbers_are_a_trip_or_a_reject(rows: list[tuple[Any, ...]]) -> None:
    names = (
        "pickup_at",
        "duration_s",
        "pickup_lat",
        "pickup_lon",
        "dropoff_lat",
        "dropoff_lon",
        "pickup_zone",
    )
    frame = pl.DataFrame(
        rows, schema=dict.fromkeys(names, pl.Float64) | {"pickup_at": pl.Int64}, orient="row"
    )
    batch = clean(frame.with_columns(pl.col("pickup_at").cast(pl.Datetime("us"))))
    assert len(records(batch)) == len(batch.rejects)


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
