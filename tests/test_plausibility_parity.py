"""Rows are refused for the same reason one by one and as columns."""

from dataclasses import fields
from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from taxi_predictor.adapters.columns.expressions import EXPRESSIONS, as_column, as_expression
from taxi_predictor.domain.arithmetic import SCALAR, Column
from taxi_predictor.domain.city import City
from taxi_predictor.domain.plausibility import ReadTrip, doubts
from taxi_predictor.ports.testing.strategies import A_CITY, cities

NAMES = tuple(field.name for field in fields(ReadTrip))
FLAGS = tuple(name for name in NAMES if name.startswith("is_"))


def near(edge: float, *, by: float = 1e-7) -> st.SearchStrategy[float]:
    return st.sampled_from((edge - by, edge, edge + by))


@st.composite
def rows(draw: st.DrawFn, city: City) -> dict[str, float]:
    """What a source may say of a trip, with many values at the edge of what is believed."""
    bounds, believable = city.bounds, city.plausibility
    lat_deg = st.floats(bounds.south_deg, bounds.north_deg) | near(bounds.south_deg) | near(bounds.north_deg)
    lon_deg = st.floats(bounds.west_deg, bounds.east_deg) | near(bounds.west_deg) | near(bounds.east_deg)
    duration_s = (
        st.floats(-100, 100_000)
        | near(0.0)
        | near(believable.min_duration_s)
        | near(believable.max_duration_s)
        | near(believable.meter_left_on_s)
    )
    flags = draw(st.just(()) | st.lists(st.sampled_from(FLAGS), max_size=2))
    row: dict[str, float] = {name: name in flags for name in FLAGS}
    row["pickup_lat_deg"], row["pickup_lon_deg"] = draw(lat_deg), draw(lon_deg)
    stays = draw(st.booleans())
    row["dropoff_lat_deg"] = row["pickup_lat_deg"] if stays else draw(lat_deg)
    row["dropoff_lon_deg"] = row["pickup_lon_deg"] if stays else draw(lon_deg)
    row["duration_s"] = draw(duration_s)
    return row


def reasons_one_by_one(read: list[dict[str, float]], city: City) -> list[str | None]:
    return [
        next((why.value for why, holds in doubts(SCALAR, ReadTrip(**row), city) if holds), None)
        for row in read
    ]


def reasons_as_columns(read: list[dict[str, float]], city: City) -> list[str | None]:
    types = {name: pl.Boolean if name in FLAGS else pl.Float64 for name in NAMES}
    frame = pl.DataFrame(read, schema=types)
    trip: ReadTrip[Column] = ReadTrip(**{name: as_column(pl.col(name)) for name in NAMES})
    chosen = pl.coalesce(
        pl.when(as_expression(holds)).then(pl.lit(why.value))
        for why, holds in doubts(EXPRESSIONS, trip, city)
    )
    return frame.select(reason=chosen)["reason"].to_list()


@given(read=st.lists(rows(A_CITY), min_size=1, max_size=20))
@settings(max_examples=100, deadline=None)
def test_rows_are_refused_for_the_same_reason_as_columns(read: list[dict[str, float]]) -> None:
    assert reasons_as_columns(read, A_CITY) == reasons_one_by_one(read, A_CITY)


@given(city=cities(), data=st.data())
@settings(max_examples=50, deadline=None)
def test_rows_are_refused_for_the_same_reason_as_columns_in_any_city(city: City, data: Any) -> None:
    read = data.draw(st.lists(rows(city), min_size=1, max_size=10))
    assert reasons_as_columns(read, city) == reasons_one_by_one(read, city)


@given(flag=st.sampled_from(FLAGS), unread=st.sets(st.sampled_from(NAMES[len(FLAGS) :]), min_size=1))
@settings(max_examples=50, deadline=None)
def test_a_row_that_could_not_be_read_has_the_reader_s_reason(flag: str, unread: set[str]) -> None:
    read = dict.fromkeys(FLAGS, False) | {
        "pickup_lat_deg": 40.7,
        "pickup_lon_deg": -74.0,
        "dropoff_lat_deg": 40.7,
        "dropoff_lon_deg": -74.0,
        "duration_s": 600.0,
    }
    nulls: dict[str, Any] = {**read, flag: True, **dict.fromkeys(unread)}
    nans: dict[str, Any] = {**read, flag: True, **dict.fromkeys(unread, float("nan"))}
    expected = reasons_one_by_one([nans], A_CITY)
    assert reasons_as_columns([nulls], A_CITY) == reasons_as_columns([nans], A_CITY) == expected
