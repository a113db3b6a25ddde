"""The contract of TripErasure: what is named is gone, and nothing else."""

from abc import abstractmethod
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

import pytest

from taxi_predictor.domain.errors import TripsChanged
from taxi_predictor.domain.trip import FinishedTrip, TripId
from taxi_predictor.domain.trip_sum import TripSum
from taxi_predictor.ports.outbound.sources import PartName
from taxi_predictor.ports.outbound.trips import Added, Quarantine, TripErasure, TripStore
from taxi_predictor.ports.testing.samples import NOON, a_trip
from taxi_predictor.ports.testing.tables import TableMaker, stream
from taxi_predictor.ports.testing.trip_store import read

__all__ = ["ErasableTrips", "TripErasureContract"]

A_PART = PartName(family="sample", name="one")
LATER = NOON + timedelta(days=40)
JANUARY = date(2023, 1, 1)
LAST_OF_JANUARY = datetime(2023, 1, 31, 23, 59, 59, tzinfo=UTC)


class ErasableTrips(TripStore, TripErasure, Protocol):
    """Keeps trips, until they are erased."""


class TripErasureContract(TableMaker, of=TripErasure):
    @abstractmethod
    def open(self) -> AbstractAsyncContextManager[tuple[ErasableTrips, Quarantine]]:
        """An empty store and its quarantine, fresh each time."""

    async def test_only_the_named_trips_are_erased(self) -> None:
        """And counted: those that are not stored do not count."""
        async with self.open() as (store, _):
            await store.add(A_PART, stream(self.clean_batch([a_trip(1), a_trip(2), a_trip(3, at=LATER)])))
            named = [(NOON, a_trip(1).trip_id), (LATER, a_trip(3).trip_id), (NOON, TripId("f" * 32))]
            assert await store.erase(named) == 2
            assert await read(store) == [a_trip(2)]
            assert await store.erase(named) == 0
            assert await store.erase([]) == 0

    async def test_a_trip_is_named_by_its_pickup_and_its_id(self) -> None:
        """The same id at another instant is another trip, whatever clock the instant is told by."""
        trips: list[FinishedTrip] = [a_trip(1), a_trip(1, at=LATER)]
        async with self.open() as (store, _):
            await store.add(A_PART, stream(self.clean_batch(trips)))
            tokyo = LATER.astimezone(ZoneInfo("Asia/Tokyo"))
            assert await store.erase([(tokyo, a_trip(1).trip_id)]) == 1
            assert await read(store) == [a_trip(1)]

    async def test_what_was_erased_can_be_stored_again(self) -> None:
        """It is new then."""
        async with self.open() as (store, _):
            for _again in range(2):
                added = await store.add(A_PART, stream(self.clean_batch([a_trip(1)])))
                assert added == Added(added=1, known=0, duplicates=0)
                assert await store.erase([(NOON, a_trip(1).trip_id)]) == 1
            assert await read(store) == []

    async def test_a_month_goes_whole_and_no_other(self) -> None:
        """By the clock of UTC; its trips may be stored again."""
        january = [a_trip(1), a_trip(2), a_trip(4, at=LAST_OF_JANUARY)]
        february = [a_trip(5, at=LAST_OF_JANUARY + timedelta(seconds=1)), a_trip(3, at=LATER)]
        async with self.open() as (store, _):
            for _again in range(2):
                await store.add(A_PART, stream(self.clean_batch([*january, *february])))
                assert await read(store) == [*january, *february]
                await store.drop_month(JANUARY, _sum(january))
                assert await read(store) == february

    @pytest.mark.parametrize("meant", ["others", "fewer", "more", "none"])
    async def test_a_month_that_holds_other_trips_stays(self, meant: str) -> None:
        """As where trips came in or were erased since somebody looked."""
        stored = [a_trip(1), a_trip(2)]
        named = {
            "others": [a_trip(1), a_trip(3)],
            "fewer": [a_trip(1)],
            "more": [*stored, a_trip(3)],
            "none": [],
        }
        async with self.open() as (store, _):
            await store.add(A_PART, stream(self.clean_batch(stored)))
            with pytest.raises(TripsChanged):
                await store.drop_month(JANUARY, _sum(named[meant]))
            assert await read(store) == stored

    async def test_ids_of_any_size_add_up(self) -> None:
        """Ids have 128 bits, and their sum is modulo so many."""
        ids = ("f" * 32, "8" + "0" * 31, "0" * 16 + "f" * 16, "7" + "f" * 31, "0" * 16 + "8" + "0" * 15)
        trips = [replace(a_trip(1), trip_id=TripId(one)) for one in ids]
        async with self.open() as (store, _):
            await store.add(A_PART, stream(self.clean_batch(trips)))
            await store.drop_month(JANUARY, _sum(trips))
            assert await read(store) == []

    async def test_a_month_without_trips_can_be_dropped(self) -> None:
        """Where none are meant."""
        async with self.open() as (store, _):
            await store.add(A_PART, stream(self.clean_batch([a_trip(3, at=LATER)])))
            await store.drop_month(JANUARY, TripSum())
            with pytest.raises(TripsChanged):
                await store.drop_month(JANUARY, _sum([a_trip(1)]))
            assert await read(store) == [a_trip(3, at=LATER)]


def _sum(trips: Sequence[FinishedTrip]) -> TripSum:
    return TripSum.of(trip.trip_id for trip in trips)
