"""Columns of plans become the same features as each plan by itself."""

import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import available_timezones

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from taxi_predictor.adapters.columns.arrays import encode_batch
from taxi_predictor.domain.arithmetic import SCALAR
from taxi_predictor.domain.city import City
from taxi_predictor.domain.features import FEATURE_NAMES, FeatureEncoder, plan_values
from taxi_predictor.domain.place import Place, Point, ZoneId
from taxi_predictor.domain.trip import PLAN_COLUMNS, PlanBatch, TripPlan
from taxi_predictor.ports.testing.strategies import A_CITY, cities, clock_changes, plans

TYPES: dict[str, pl.DataType | type[pl.DataType]] = {
    "pickup_at": pl.Datetime("us", "UTC"),
    "pickup_lat_deg": pl.Float64,
    "pickup_lon_deg": pl.Float64,
    "pickup_zone": pl.Int32,
    "dropoff_lat_deg": pl.Float64,
    "dropoff_lon_deg": pl.Float64,
    "dropoff_zone": pl.Int32,
    "passenger_count": pl.Int16,
}
LEAP_YEAR = datetime(2024, 1, 1, tzinfo=UTC), datetime(2025, 1, 1, tzinfo=UTC)


def batch_of(trips: Sequence[TripPlan]) -> PlanBatch:
    rows = [
        (
            plan.pickup_at,
            plan.pickup.point.lat_deg,
            plan.pickup.point.lon_deg,
            plan.pickup.zone,
            plan.dropoff.point.lat_deg,
            plan.dropoff.point.lon_deg,
            plan.dropoff.zone,
            plan.passenger_count,
        )
        for plan in trips
    ]
    return PlanBatch(pl.DataFrame(rows, schema={name: TYPES[name] for name in PLAN_COLUMNS}, orient="row"))


def assert_columns_agree_with_rows(trips: Sequence[TripPlan], city: City) -> None:
    columns = {name: column.tolist() for name, column in encode_batch(batch_of(trips), city).items()}
    assert tuple(columns) == FEATURE_NAMES
    assert {len(column) for column in columns.values()} == {len(trips)}
    encoder = FeatureEncoder(city, SCALAR)
    for row, plan in enumerate(trips):
        for name, expected in zip(FEATURE_NAMES, encoder.encode(plan_values(plan, city)), strict=True):
            found = columns[name][row]
            same = math.isnan(found) if math.isnan(expected) else abs(found - expected) <= 1e-9
            assert same, f"{name} of {plan} in {city.time_zone}: {found} in columns, {expected} by itself"


@given(trips=st.lists(plans(), max_size=12))
@settings(max_examples=100, deadline=None)
def test_columns_agree_with_rows(trips: list[TripPlan]) -> None:
    assert_columns_agree_with_rows(trips, A_CITY)


@given(city=cities(), data=st.data())
@settings(max_examples=80, deadline=None)
def test_columns_agree_with_rows_in_any_city_around_its_holidays(city: City, data: Any) -> None:
    trips = data.draw(st.lists(plans(city=city), min_size=1, max_size=8))
    days = [plan.pickup_at.date() for plan in trips]
    near = data.draw(st.lists(st.tuples(st.sampled_from(days), st.integers(-5, 5)), max_size=4))
    # As given and with holidays close by: drawn freely, hardly a trip falls near one.
    assert_columns_agree_with_rows(trips, city)
    holidays = tuple(day + timedelta(days=offset) for day, offset in near)
    assert_columns_agree_with_rows(trips, replace(city, holidays=holidays))


def test_columns_agree_with_rows_at_the_clock_changes_of_every_time_zone() -> None:
    here, there = Place(Point(40.7, -74.0), ZoneId(1)), Place(Point(40.8, -73.9))
    moments = [
        datetime(2024, 2, 29, 12, tzinfo=UTC),
        datetime(2024, 12, 31, 12, tzinfo=UTC),
        datetime(2023, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
        datetime(2000, 2, 29, 12, tzinfo=UTC),
        datetime(2099, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
    ]
    around = [timedelta(seconds=s) for s in (-3600, -1, -1e-6, 0, 1, 1799.5, 3600)]
    seen = 0
    for time_zone in sorted(available_timezones() - {"localtime", "Factory"}):
        changes = [change + offset for change in clock_changes(time_zone, *LEAP_YEAR) for offset in around]
        seen += bool(changes)
        trips = [TripPlan(pickup=here, dropoff=there, pickup_at=at) for at in (*moments, *changes)]
        assert_columns_agree_with_rows(trips, replace(A_CITY, time_zone=time_zone))
    assert seen > 100, "time zones without clock changes prove little"
