"""A plan holds nothing that is known only after the trip."""

import math
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone, tzinfo

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polars_tables import Polars
from taxi_predictor.domain.errors import InvalidTrip, LeakedColumns
from taxi_predictor.domain.place import Place, Point
from taxi_predictor.domain.trip import (
    FACT_COLUMNS,
    PLAN_COLUMNS,
    TRIP_COLUMNS,
    FinishedTrip,
    PlanBatch,
    TripBatch,
    TripId,
    TripPlan,
    named_trip_id,
)
from taxi_predictor.ports.testing.samples import a_trip
from taxi_predictor.ports.testing.strategies import finished_trips, plans

HERE, THERE = Place(Point(40.75, -73.99)), Place(Point(40.64, -73.78))
NOON = datetime(2024, 5, 6, 12, tzinfo=UTC)
A_PLAN = TripPlan(pickup=HERE, dropoff=THERE, pickup_at=NOON)
few = settings(max_examples=60, deadline=None)


class Timeless(tzinfo):
    """A time zone that does not know its offset."""

    def utcoffset(self, at: datetime | None) -> None:
        return None

    dst = utcoffset

    def tzname(self, at: datetime | None) -> None:
        return None


def columns(names: tuple[str, ...], *, rows: int = 2) -> pl.DataFrame:
    return pl.DataFrame({name: [float(row) for row in range(rows)] for name in names})


@pytest.mark.parametrize("zone", [None, Timeless()])
def test_a_plan_refuses_a_time_that_names_no_instant(zone: tzinfo | None) -> None:
    with pytest.raises(InvalidTrip, match=r"^pickup_at needs a time zone: without one") as refusal:
        TripPlan(pickup=HERE, dropoff=THERE, pickup_at=datetime(2024, 5, 6, 12, tzinfo=zone))
    assert refusal.value.part == "pickup_at"


def test_a_plan_takes_a_time_in_any_zone() -> None:
    elsewhere = NOON.astimezone(timezone(timedelta(hours=-4)))
    assert TripPlan(pickup=HERE, dropoff=THERE, pickup_at=elsewhere) == A_PLAN


def test_a_plan_refuses_a_place_that_is_not_a_number() -> None:
    with pytest.raises(InvalidTrip):
        TripPlan(pickup=HERE, dropoff=Place(Point(math.nan, -74.0)), pickup_at=NOON)


def test_a_plan_refuses_fewer_than_no_passengers() -> None:
    with pytest.raises(InvalidTrip, match="passenger_count") as refusal:
        TripPlan(pickup=HERE, dropoff=THERE, pickup_at=NOON, passenger_count=-1)
    assert refusal.value.part == "passenger_count"
    # Drivers forget to enter it; nothing follows from a zero.
    assert TripPlan(pickup=HERE, dropoff=THERE, pickup_at=NOON, passenger_count=0).passenger_count == 0


@given(plan=plans())
@few
def test_a_plan_has_no_field_for_what_comes_after(plan: TripPlan) -> None:
    with pytest.raises(AttributeError):
        object.__setattr__(plan, "duration_s", 600.0)
    assert plan.pickup_at.utcoffset() == timedelta(0)


@pytest.mark.parametrize("duration_s", [0.0, -1.0, math.nan, math.inf])
def test_a_finished_trip_refuses_a_duration_that_is_none(duration_s: float) -> None:
    with pytest.raises(InvalidTrip, match="duration_s"):
        FinishedTrip(trip_id=TripId("0" * 32), plan=A_PLAN, duration_s=duration_s)


@given(trip=finished_trips())
@few
def test_finished_trips_have_ids_of_32_hexadecimal_digits(trip: FinishedTrip) -> None:
    assert len(trip.trip_id) == 32
    assert set(trip.trip_id) <= set("0123456789abcdef")


def test_plan_and_facts_share_no_column_and_make_up_a_trip() -> None:
    assert not set(PLAN_COLUMNS) & set(FACT_COLUMNS)
    assert TRIP_COLUMNS == PLAN_COLUMNS + FACT_COLUMNS
    assert len(set(TRIP_COLUMNS)) == len(TRIP_COLUMNS)


@given(leaked=st.sets(st.sampled_from((*FACT_COLUMNS, "dropoff_at", "trip_distance")), min_size=1))
@few
def test_a_plan_batch_refuses_what_is_known_only_after_the_trip(leaked: set[str]) -> None:
    with pytest.raises(LeakedColumns) as caught:
        PlanBatch(columns((*PLAN_COLUMNS, *sorted(leaked))))
    assert all(name in str(caught.value) for name in leaked)


@pytest.mark.parametrize(
    ("names", "differing"),
    [
        (PLAN_COLUMNS[1:], PLAN_COLUMNS[:1]),
        (PLAN_COLUMNS[::-1], PLAN_COLUMNS[::-1]),
        ((), sorted(PLAN_COLUMNS)),
    ],
    ids=["missing", "out of order", "empty"],
)
def test_a_plan_batch_refuses_columns_that_are_missing_or_out_of_order(
    names: tuple[str, ...], differing: Sequence[str]
) -> None:
    with pytest.raises(LeakedColumns, match=re.escape(f"differs in {list(differing)}")):
        PlanBatch(columns(names))


@pytest.mark.parametrize("names", [PLAN_COLUMNS, (*TRIP_COLUMNS, "tip_amount"), TRIP_COLUMNS[::-1]])
def test_a_trip_batch_refuses_other_columns(names: tuple[str, ...]) -> None:
    with pytest.raises(InvalidTrip, match="finished trips have the columns"):
        TripBatch(columns(names))


@pytest.mark.parametrize("rows", [0, 3])
def test_the_plans_of_a_batch_are_its_trips_without_the_facts(rows: int) -> None:
    batch = TripBatch(columns(TRIP_COLUMNS, rows=rows))
    assert tuple(batch.plans.table.columns) == PLAN_COLUMNS
    assert len(batch.plans) == len(batch) == rows


def test_a_batch_gives_back_the_trips_that_it_was_made_of_in_their_order() -> None:
    full = a_trip(1)
    bare = replace(
        a_trip(2, at=NOON, duration_s=60.5),
        plan=replace(A_PLAN, passenger_count=None),
        metered_distance_km=None,
        total_amount=None,
    )
    back = replace(full, plan=replace(full.plan, pickup=full.plan.dropoff, dropoff=full.plan.pickup))
    batch = Polars().trip_batch([full, bare, back])
    assert list(batch) == [full, bare, back]
    assert list(batch.plans) == [full.plan, bare.plan, back.plan]


def test_a_trip_that_a_source_names_has_the_same_id_for_ever() -> None:
    assert named_trip_id("kaggle", "id2875421") == "fd236cc4dd35005117e1409591228a3c"
    assert len({named_trip_id(*names) for names in (("a", "bc"), ("ab", "c"), ("a", "b"))}) == 3


def test_a_trip_ends_when_it_has_taken_its_duration() -> None:
    assert a_trip(1, at=NOON, duration_s=90.5).ended_at == NOON + timedelta(seconds=90.5)


def test_any_positive_duration_and_any_count_of_passengers_make_a_trip() -> None:
    assert FinishedTrip(trip_id=TripId("0" * 32), plan=A_PLAN, duration_s=1e-6).duration_s == 1e-6
