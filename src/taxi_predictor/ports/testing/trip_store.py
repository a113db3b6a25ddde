"""The contract of TripStore."""

import asyncio
from abc import abstractmethod
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taxi_predictor.domain.errors import UnreadableSource
from taxi_predictor.domain.place import Bounds, Point
from taxi_predictor.domain.plausibility import Rejection
from taxi_predictor.domain.trip import FinishedTrip, TripId
from taxi_predictor.ports.outbound.sources import CleanBatch, PartName
from taxi_predictor.ports.outbound.trips import Added, Quarantine, TripCount, TripStore
from taxi_predictor.ports.testing.samples import NOON, a_trip
from taxi_predictor.ports.testing.strategies import finished_trips, instants
from taxi_predictor.ports.testing.tables import CONTRACT, TableMaker, stream

__all__ = ["TripStoreContract", "histories", "read"]

A_PART = PartName(family="sample", name="one")
OTHER_PART = PartName(family="sample", name="two")
MINUTE = timedelta(minutes=1)

# Half a year with both clock changes: adapters that keep months apart need not make a thousand.
SINCE, UNTIL = datetime(2022, 10, 1, tzinfo=UTC), datetime(2023, 4, 1, tzinfo=UTC)


def histories(*, min_size: int = 0, max_size: int = 12) -> st.SearchStrategy[list[FinishedTrip]]:
    """Trips, none of them twice, many of them picked up at the same instants."""
    trips = finished_trips(since=SINCE, until=UNTIL)
    moments = st.lists(instants(since=SINCE, until=UNTIL), min_size=1, max_size=3)

    def at_few_moments(few: list[datetime]) -> st.SearchStrategy[FinishedTrip]:
        return st.builds(_at, trips, st.sampled_from(few)) | trips

    return moments.flatmap(
        lambda few: st.lists(at_few_moments(few), min_size=min_size, max_size=max_size, unique_by=_key)
    )


def _at(trip: FinishedTrip, pickup_at: datetime) -> FinishedTrip:
    return replace(trip, plan=replace(trip.plan, pickup_at=pickup_at))


def _boxes(points: Sequence[Point]) -> st.SearchStrategy[Bounds | None]:
    """Boxes with two of *points* at their corners, and none at all."""
    return st.none() | st.builds(_box, st.sampled_from(points), st.sampled_from(points))


def _box(one: Point, other: Point) -> Bounds:
    south, north = sorted((one.lat_deg, other.lat_deg))
    west, east = sorted((one.lon_deg, other.lon_deg))
    return Bounds(
        south_deg=south,
        west_deg=west,
        north_deg=north if north > south else south + 0.001,
        east_deg=east if east > west else west + 0.001,
    )


def _in_order(trips: Sequence[FinishedTrip]) -> list[FinishedTrip]:
    return sorted(trips, key=_key)


def _key(trip: FinishedTrip) -> tuple[datetime, TripId]:
    return trip.plan.pickup_at, trip.trip_id


async def read(
    store: TripStore,
    since: datetime | None = None,
    until: datetime | None = None,
    *,
    pickup_in: Bounds | None = None,
    dropoff_in: Bounds | None = None,
) -> list[FinishedTrip]:
    batches = store.between(since, until, pickup_in=pickup_in, dropoff_in=dropoff_in)
    return [trip async for batch in batches for trip in batch]


class TripStoreContract(TableMaker, of=TripStore):
    @abstractmethod
    def open(self) -> AbstractAsyncContextManager[tuple[TripStore, Quarantine]]:
        """An empty store and its quarantine, fresh each time; it can be read while it is written to."""

    # What comes out

    @CONTRACT
    @given(trips=histories())
    async def test_what_was_stored_comes_back_unchanged_and_in_order(self, trips: list[FinishedTrip]) -> None:
        """``between`` gives every value as it was stored, by pickup and then by the code points of the id."""
        async with self.open() as (store, _):
            await store.add(A_PART, stream(self.clean_batch(trips)))
            assert await read(store) == _in_order(trips)

    async def test_no_batch_is_empty(self) -> None:
        """A store without trips, or a window without, yields no batch at all."""
        async with self.open() as (store, _):
            assert [len(batch) async for batch in store.between(None, None)] == []
            await store.add(A_PART, stream(self.clean_batch([a_trip(1)]), self.clean_batch()))
            assert sum([len(batch) async for batch in store.between(None, None)]) == 1
            assert [len(batch) async for batch in store.between(NOON + MINUTE, None)] == []

    @CONTRACT
    @given(trips=histories(min_size=1), data=st.data())
    async def test_a_window_holds_its_beginning_and_not_its_end(
        self, trips: list[FinishedTrip], data: st.DataObject
    ) -> None:
        """``between(since, until)`` is half-open, and None is no limit."""
        limits = st.none() | st.sampled_from([trip.plan.pickup_at for trip in trips])
        since, until = data.draw(limits, label="since"), data.draw(limits, label="until")
        inside = [
            trip
            for trip in trips
            if (since is None or trip.plan.pickup_at >= since)
            and (until is None or trip.plan.pickup_at < until)
        ]
        async with self.open() as (store, _):
            await store.add(A_PART, stream(self.clean_batch(trips)))
            assert await read(store, since, until) == _in_order(inside)

    async def test_a_window_may_be_given_in_any_time_zone(self) -> None:
        """Limits are instants: the clock they are told by does not matter."""
        tokyo = NOON.astimezone(ZoneInfo("Asia/Tokyo"))
        async with self.open() as (store, _):
            await store.add(A_PART, stream(self.clean_batch([a_trip(1), a_trip(2, at=NOON + MINUTE)])))
            assert await read(store, tokyo, tokyo + MINUTE) == [a_trip(1)]

    @CONTRACT
    @given(trips=histories(min_size=2), data=st.data())
    async def test_boxes_hold_their_edges_and_the_time_still_counts(
        self, trips: list[FinishedTrip], data: st.DataObject
    ) -> None:
        """``pickup_in`` and ``dropoff_in`` are each for their end, and go together with the window."""
        since = data.draw(st.none() | st.sampled_from([trip.plan.pickup_at for trip in trips]), label="since")
        pickup_in = data.draw(_boxes([trip.plan.pickup.point for trip in trips]), label="pickup_in")
        dropoff_in = data.draw(_boxes([trip.plan.dropoff.point for trip in trips]), label="dropoff_in")
        inside = [
            trip
            for trip in trips
            if (since is None or trip.plan.pickup_at >= since)
            and (pickup_in is None or trip.plan.pickup.point in pickup_in)
            and (dropoff_in is None or trip.plan.dropoff.point in dropoff_in)
        ]
        async with self.open() as (store, _):
            await store.add(A_PART, stream(self.clean_batch(trips)))
            found = await read(store, since, pickup_in=pickup_in, dropoff_in=dropoff_in)
            assert found == _in_order(inside)

    async def test_a_family_may_be_read_alone(self) -> None:
        """That of the part that brought a trip first; it goes together with the window."""
        night = PartName(family="night", name="one")
        async with self.open() as (store, _):
            await store.add(A_PART, stream(self.clean_batch([a_trip(1), a_trip(2, at=NOON + MINUTE)])))
            await store.add(night, stream(self.clean_batch([a_trip(1), a_trip(3, at=NOON + MINUTE)])))
            for family, since, expected in (
                ("sample", None, [a_trip(1), a_trip(2, at=NOON + MINUTE)]),
                ("sample", NOON + MINUTE, [a_trip(2, at=NOON + MINUTE)]),
                ("night", None, [a_trip(3, at=NOON + MINUTE)]),
                ("day", None, []),
            ):
                batches = store.between(since, None, family=family)
                assert [trip async for batch in batches for trip in batch] == expected

    async def test_a_reader_may_stop_early(self) -> None:
        """Whoever leaves in the middle leaves the store usable."""
        trips = [a_trip(number) for number in range(50)]
        async with self.open() as (store, _):
            await store.add(A_PART, stream(self.clean_batch(trips)))
            async for _batch in store.between(None, None):
                break
            assert await read(store) == trips

    # What goes in

    async def test_a_second_add_adds_nothing(self) -> None:
        """Adding a part again finds all of it known."""
        trips = [a_trip(number) for number in range(5)]
        async with self.open() as (store, _):
            first = await store.add(A_PART, stream(self.clean_batch(trips)))
            second = await store.add(A_PART, stream(self.clean_batch(trips)))
            assert first == Added(added=5, known=0, duplicates=0)
            assert second == Added(added=0, known=5, duplicates=0)
            assert await read(store) == trips

    async def test_the_first_write_wins(self) -> None:
        """A trip that is stored stays as it was, whichever part offers it again."""
        changed = [a_trip(1, duration_s=999.0), replace(a_trip(2), total_amount=None)]
        async with self.open() as (store, _):
            await store.add(A_PART, stream(self.clean_batch([a_trip(1), a_trip(2)])))
            assert (await store.add(OTHER_PART, stream(self.clean_batch(changed)))).known == 2
            assert await read(store) == [a_trip(1), a_trip(2)]

    async def test_an_id_at_another_instant_is_another_trip(self) -> None:
        """A trip is known by its id and its pickup together, within a part and among those stored."""
        trips = [a_trip(1), a_trip(1, at=NOON + MINUTE)]
        later = [a_trip(1, at=NOON + timedelta(days=40))]
        async with self.open() as (store, _):
            for part, some in ((A_PART, trips), (OTHER_PART, later)):
                added = await store.add(part, stream(self.clean_batch(some)))
                assert added == Added(added=len(some), known=0, duplicates=0)
            assert await read(store) == trips + later

    async def test_of_equal_trips_in_a_part_the_lowest_row_number_is_kept(self) -> None:
        """Also where they come in other batches, or in another order within one."""
        ninth, second, fifth = (a_trip(1, duration_s=60.0 * row) for row in (9, 2, 5))
        async with self.open() as (store, _):
            batches = stream(
                self.clean_batch([fifth, second], row_numbers=[5, 2]),
                self.clean_batch([ninth], row_numbers=[9]),
            )
            assert await store.add(A_PART, batches) == Added(added=1, known=0, duplicates=2)
            assert await read(store) == [second]

    @CONTRACT
    @given(
        offers=st.lists(st.lists(st.lists(st.integers(0, 7), max_size=5), max_size=3), min_size=1, max_size=4)
    )
    async def test_every_trip_offered_is_added_known_or_a_duplicate(
        self, offers: list[list[list[int]]]
    ) -> None:
        """Over any parts and batches with ids in common; what is stored is what was first offered."""
        stored: dict[TripId, FinishedTrip] = {}
        async with self.open() as (store, _):
            for place, offer in enumerate(offers):
                batches, row, in_part = [], 1, Counter[TripId]()
                before = dict(stored)
                for numbers in offer:
                    rows = range(row, row + len(numbers))
                    trips = [
                        a_trip(n, duration_s=100.0 * place + r) for n, r in zip(numbers, rows, strict=True)
                    ]
                    batches.append(self.clean_batch(trips, row_numbers=rows))
                    row += len(numbers)
                    for trip in trips:
                        stored.setdefault(trip.trip_id, trip)
                        in_part[trip.trip_id] += 1
                part = PartName(family="sample", name=f"part {place}")
                assert await store.add(part, stream(*batches)) == Added(
                    added=len(stored) - len(before),
                    known=len(in_part.keys() & before.keys()),
                    duplicates=in_part.total() - len(in_part),
                )
            assert await read(store) == _in_order(list(stored.values()))

    async def test_two_parts_at_once_store_a_trip_once(self) -> None:
        """Whichever of two writers comes first, a trip that both offer is new to one of them."""
        trips = [a_trip(number) for number in range(20)]
        async with self.open() as (store, _):
            both = await asyncio.gather(
                store.add(A_PART, stream(self.clean_batch(trips))),
                store.add(OTHER_PART, stream(self.clean_batch(trips[::-1]))),
            )
            assert sum(part.added for part in both) == sum(part.known for part in both) == 20
            assert await read(store) == trips

    # All or nothing

    async def test_a_part_that_breaks_leaves_nothing(self) -> None:
        """What *batches* raises comes out, no trip of the part is kept, and the former rejects stand."""
        former = self.clean_batch([a_trip(1)], rejects=[(2, Rejection.TOO_LONG, '{"row": 2}')])

        async def cut_short() -> AsyncIterator[CleanBatch]:
            yield self.clean_batch([a_trip(2), a_trip(2)], rejects=[(3, Rejection.TOO_SHORT, "{}")])
            raise UnreadableSource("the file ends in the middle of a row")

        async with self.open() as (store, quarantine):
            await store.add(A_PART, stream(former))
            counts = await quarantine.counts()
            with pytest.raises(UnreadableSource, match="middle of a row"):
                await store.add(A_PART, cut_short())
            assert await read(store) == [a_trip(1)]
            assert await quarantine.counts() == counts
            whole = await store.add(A_PART, stream(self.clean_batch([a_trip(2)])))
            assert whole == Added(added=1, known=0, duplicates=0)

    async def test_a_reader_never_sees_half_a_part(self) -> None:
        """While a part is being added, readers see neither its trips nor its rejects."""
        seen: list[object] = []

        async with self.open() as (store, quarantine):

            async def watched() -> AsyncIterator[CleanBatch]:
                for row in (1, 3):
                    rejects = [(row + 1, Rejection.TOO_LONG, "{}")]
                    yield self.clean_batch([a_trip(row)], row_numbers=[row], rejects=rejects)
                    seen.extend(await read(store))
                    seen.extend(await store.counts())
                    seen.extend(await quarantine.counts())

            await store.add(A_PART, watched())
            assert seen == []
            assert await read(store) == [a_trip(1), a_trip(3)]

    async def test_a_reader_under_way_sees_a_new_part_whole_or_not_at_all(self) -> None:
        """A part that is added between two batches of a reader does not show in half."""
        old = [a_trip(number) for number in range(0, 40, 2)]
        new = [a_trip(number) for number in range(1, 40, 2)]
        async with self.open() as (store, _):
            await store.add(A_PART, stream(self.clean_batch(old)))
            seen: list[FinishedTrip] = []
            async for batch in store.between(None, None):
                if not seen:
                    await store.add(OTHER_PART, stream(self.clean_batch(new)))
                seen.extend(batch)
            assert seen in (old, _in_order(old + new))

    # What is counted

    @CONTRACT
    @given(
        moments=st.lists(instants(since=SINCE, until=UNTIL), max_size=8),
        until=st.none() | instants(since=SINCE, until=UNTIL),
        time_zone=st.sampled_from(["America/New_York", "Asia/Kolkata", "UTC"]),
    )
    async def test_days_are_those_of_the_clock_on_the_wall(
        self, moments: list[datetime], until: datetime | None, time_zone: str
    ) -> None:
        """Oldest first, none empty, over clock changes, and without what was picked up from *until* on."""
        trips = [a_trip(number, at=at) for number, at in enumerate(moments)]
        tz = ZoneInfo(time_zone)
        days = Counter(at.astimezone(tz).date() for at in moments if until is None or at < until)
        async with self.open() as (store, _):
            await store.add(A_PART, stream(self.clean_batch(trips)))
            assert [tuple(day) for day in await store.days(time_zone, until)] == sorted(days.items())

    async def test_counts_are_by_family_and_month(self) -> None:
        """In that order, none empty; months are those of UTC, and a trip is of the family that brought it."""
        last_of_january = datetime(2023, 1, 31, 23, 59, tzinfo=UTC)
        trips = [a_trip(number, at=last_of_january + number * MINUTE) for number in range(3)]
        async with self.open() as (store, _):
            assert list(await store.counts()) == []
            for family, some in (("tlc-green", trips[1:]), ("Z", trips[:1]), ("nobody", trips)):
                part = PartName(family=family, name="one")
                await store.add(part, stream(self.clean_batch(some)))
            assert list(await store.counts()) == [
                TripCount(family="Z", month=date(2023, 1, 1), trips=1),
                TripCount(family="tlc-green", month=date(2023, 2, 1), trips=2),
            ]

    async def test_families_are_those_of_the_window(self) -> None:
        """Sorted, from its first instant on and without its last."""
        hours = [NOON, NOON + 60 * MINUTE, NOON + 120 * MINUTE]
        async with self.open() as (store, _):
            for number, (family, at) in enumerate(zip(("tlc-green", "Z", "late"), hours, strict=True)):
                part = PartName(family=family, name="one")
                await store.add(part, stream(self.clean_batch([a_trip(number, at=at)])))
            assert list(await store.families(hours[0], hours[2])) == ["Z", "tlc-green"]
            assert list(await store.families(hours[1], hours[2])) == ["Z"]
            assert list(await store.families(hours[2] + MINUTE, hours[2] + 2 * MINUTE)) == []
