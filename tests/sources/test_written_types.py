"""A trip is the same in whatever types it was written, and no text and no number breaks a reading."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sources.rows import ROW, ZONE_ROW, clean, reasons, records, trip, trips

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
