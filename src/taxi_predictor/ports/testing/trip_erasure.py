"""The contract of TripErasure: what is named is gone, and nothing else."""

from abc import abstractmethod
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

from taxi_predictor.domain.trip import FinishedTrip, TripId
from taxi_predictor.ports.outbound.trips import Added, PartName, Quarantine, TripErasure, TripStore
from taxi_predictor.ports.testing.samples import NOON, a_trip
from taxi_predictor.ports.testing.tables import TableMaker, stream
from taxi_predictor.ports.testing.trip_store import read

__all__ = ["ErasableTrips", "TripErasureContract"]

A_PART = PartName(family="sample", name="one")
LATER = NOON + timedelta(days=40)


class ErasableTrips(TripStore, TripErasure, Protocol):
    """Keeps trips, until they are erased."""


class TripErasureContract(TableMaker):
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
