"""The contract of IngestLog: what came in is told as it was."""

from abc import abstractmethod
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from typing import Protocol

import pytest

from taxi_predictor.domain.plausibility import Rejection
from taxi_predictor.ports.outbound.sources import CleanBatch, PartName
from taxi_predictor.ports.outbound.trips import IngestLog, Quarantine, TripStore
from taxi_predictor.ports.testing.samples import a_trip
from taxi_predictor.ports.testing.tables import TableMaker, stream

__all__ = ["IngestLogContract", "LoggingTrips"]

ONE, OTHER = PartName(family="sample", name="one"), PartName(family="sample", name="other")


class LoggingTrips(TripStore, IngestLog, Protocol):
    """Keeps trips, and when they came."""


class IngestLogContract(TableMaker, of=IngestLog):
    @abstractmethod
    def open(self) -> AbstractAsyncContextManager[tuple[LoggingTrips, Quarantine]]:
        """An empty store and its quarantine, fresh each time."""

    async def test_the_newest_part_comes_first(self) -> None:
        """And no more than were asked for; of nothing there is nothing."""
        async with self.open() as (store, _):
            assert list(await store.ingests(limit=5)) == []
            for part in (ONE, OTHER, OTHER):
                await store.add(part, stream(self.clean_batch([a_trip(1)])))
            assert [ingest.part for ingest in await store.ingests(limit=5)] == [OTHER, OTHER, ONE]
            assert [ingest.part for ingest in await store.ingests(limit=2)] == [OTHER, OTHER]

    async def test_it_tells_what_became_of_the_rows(self) -> None:
        """New, known and refused, duplicates among the refused; and when that was."""
        async with self.open() as (store, _):
            await store.add(ONE, stream(self.clean_batch([a_trip(1)])))
            rejects = [(4, Rejection.TOO_SHORT, "{}"), (5, Rejection.TOO_LONG, "{}")]
            batch = self.clean_batch([a_trip(1), a_trip(2), a_trip(2)], rejects=rejects)
            began = datetime.now(UTC)
            await store.add(OTHER, stream(batch))
            newest = (await store.ingests(limit=1))[0]
            assert (newest.added, newest.known, newest.rejected) == (1, 1, 3)
            assert abs((newest.stored_at - began).total_seconds()) < 30

    async def test_a_part_that_broke_is_not_there(self) -> None:
        """Nothing of it was stored."""

        async def broken() -> AsyncIterator[CleanBatch]:
            yield self.clean_batch([a_trip(1)])
            raise RuntimeError("cut short")

        async with self.open() as (store, _):
            with pytest.raises(RuntimeError):
                await store.add(ONE, broken())
            assert list(await store.ingests(limit=5)) == []
