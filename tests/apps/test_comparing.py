"""Past trips like a planned one, found among stored ones, in memory and in PostgreSQL."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polars_tables import Polars
from servers import open_database
from taxi_predictor.adapters.memory.clock import MemoryClock
from taxi_predictor.adapters.memory.trips import MemoryQuarantine, MemoryTripStore
from taxi_predictor.adapters.postgres.trips import PostgresTripStore
from taxi_predictor.domain.comparables import Likeness, box_around
from taxi_predictor.domain.errors import Invalid, InvalidTrip
from taxi_predictor.domain.place import Place, Point
from taxi_predictor.domain.trip import FinishedTrip, TripId
from taxi_predictor.ports.inbound.trips import comparing
from taxi_predictor.ports.inbound.trips.comparing import ComparableTrips
from taxi_predictor.ports.outbound.sources import PartName
from taxi_predictor.ports.outbound.trips import TripStore
from taxi_predictor.ports.testing.samples import NOON, a_trip
from taxi_predictor.ports.testing.strategies import A_CITY
from taxi_predictor.ports.testing.tables import stream

PLAN = a_trip(0).plan
YEAR = timedelta(days=365)


async def keep(store: TripStore, trips: Sequence[FinishedTrip]) -> None:
    await store.add(PartName(family="sample", name="one"), stream(Polars().clean_batch(trips)))


async def among(trips: Sequence[FinishedTrip], *, batch_rows: int = 65_536) -> ComparableTrips:
    store = MemoryTripStore(MemoryQuarantine(), batch_rows=batch_rows)
    await keep(store, trips)
    return over(store)


def over(store: TripStore) -> ComparableTrips:
    return ComparableTrips(trips=store, clock=MemoryClock(NOON + YEAR), city=A_CITY)


def past(number: int, *, ago: timedelta = timedelta(days=7), north_deg: float = 0.0) -> FinishedTrip:
    trip = a_trip(number, at=NOON - ago)
    point = trip.plan.pickup.point
    moved = Place(Point(point.lat_deg + north_deg, point.lon_deg))
    return replace(trip, plan=replace(trip.plan, pickup=moved))


@asynccontextmanager
async def stored(kind: str, trips: Sequence[FinishedTrip]) -> AsyncIterator[ComparableTrips]:
    if kind == "memory":
        yield await among(trips)
        return
    async with open_database() as pool:
        store = PostgresTripStore(pool)
        await keep(store, trips)
        yield over(store)


def scattered(trips: int) -> list[FinishedTrip]:
    """Trips around both ends of the plan, in the ten months before it."""
    random = Random(4)

    def near(place: Place) -> Place:
        lat_deg, lon_deg = (random.gauss(0, 0.01) for _ in range(2))
        return Place(Point(place.point.lat_deg + lat_deg, place.point.lon_deg + lon_deg))

    return [
        replace(trip, plan=replace(trip.plan, pickup=near(trip.plan.pickup), dropoff=near(trip.plan.dropoff)))
        for trip in (a_trip(n, at=NOON - timedelta(hours=random.uniform(1, 7_000))) for n in range(trips))
    ]


@pytest.mark.parametrize("kind", ["memory", "postgres"])
async def test_the_most_similar_of_all_near_ones_are_found_best_first(kind: str) -> None:
    trips = scattered(400)
    boxes = box_around(PLAN.pickup.point, 1.0), box_around(PLAN.dropoff.point, 1.0)
    near = [t for t in trips if t.plan.pickup.point in boxes[0] and t.plan.dropoff.point in boxes[1]]
    async with stored(kind, trips) as comparable:
        found = await comparable.like(PLAN, k=20)
    assert 20 < found.considered == len(near) < 400
    compared = sorted(map(Likeness(PLAN, A_CITY.tz).to, near), key=lambda one: one.score)
    assert list(found.trips) == compared[:20]


@settings(max_examples=25, deadline=None)
@given(st.data())
async def test_what_had_not_ended_at_the_departure_is_not_known(data: st.DataObject) -> None:
    history = [past(n, ago=timedelta(minutes=data.draw(st.integers(-30, 30), label="ago"))) for n in range(8)]
    found = await (await among(history)).like(PLAN, k=8)
    ended = {trip.trip_id for trip in history if trip.ended_at < PLAN.pickup_at}
    assert {one.trip.trip_id for one in found.trips} == ended
    assert found.considered == len(ended)


async def test_for_a_departure_to_come_the_past_ends_now() -> None:
    store = MemoryTripStore(MemoryQuarantine())
    await keep(store, [past(1), past(2, ago=timedelta(minutes=5)), past(3, ago=-timedelta(days=1))])
    comparable = ComparableTrips(trips=store, clock=MemoryClock(NOON), city=A_CITY)
    found = await comparable.like(replace(PLAN, pickup_at=NOON + timedelta(days=30)))
    assert [one.trip.trip_id for one in found.trips] == [a_trip(1).trip_id]


async def test_it_looks_farther_away_only_where_too_few_are_near() -> None:
    near, farther, far = past(1), past(2, north_deg=0.02), past(3, north_deg=0.1)
    comparable = await among([near, farther, far])
    assert (await comparable.like(PLAN, k=1)).considered == 1
    assert [one.trip for one in (await comparable.like(PLAN, k=2)).trips] == [near, farther]
    assert (await comparable.like(PLAN, k=3)).considered == 2, "11 km is no likeness"


async def test_it_looks_farther_back_only_where_too_few_are_recent() -> None:
    recent, old = past(1), past(2, ago=3 * YEAR)
    comparable = await among([recent, old])
    assert (await comparable.like(PLAN, k=1)).considered == 1
    assert [one.trip for one in (await comparable.like(PLAN, k=2)).trips] == [recent, old]


async def test_of_too_many_the_newest_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparing, "MAX_CANDIDATES", 30)
    old = [past(n, ago=YEAR + timedelta(minutes=n)) for n in range(50)]
    new = [past(n, ago=timedelta(days=3, minutes=n)) for n in range(100, 125)]
    comparable = await among([*old, *new], batch_rows=10)
    found = await comparable.like(PLAN, k=1_000 // 40)
    assert found.considered == 30
    assert {trip.trip_id for trip in new} & {one.trip.trip_id for one in found.trips}
    everything = await comparable.like(PLAN, k=30)
    assert {trip.trip_id for trip in new} <= {one.trip.trip_id for one in everything.trips}


async def test_of_equals_it_keeps_the_same_ones_whatever_their_order() -> None:
    equals = [replace(past(1), trip_id=TripId(f"{n:032x}")) for n in range(9)]
    kept = [(await (await among(order)).like(PLAN, k=3)).trips for order in (equals, equals[::-1])]
    assert kept[0] == kept[1]


@pytest.mark.parametrize("k", [0, 1_001])
async def test_it_refuses_numbers_that_make_no_sense(k: int) -> None:
    with pytest.raises(Invalid, match="similar trips"):
        await (await among([])).like(PLAN, k=k)


async def test_a_trip_outside_the_city_is_refused_as_in_a_prediction() -> None:
    with pytest.raises(InvalidTrip, match="outside the bounds"):
        await (await among([])).like(replace(PLAN, dropoff=Place(Point(0.0, 0.0))))


async def test_where_nobody_went_nothing_is_found() -> None:
    found = await (await among([])).like(PLAN)
    assert (found.trips, found.considered, found.spread_s) == ((), 0, None)
