"""The contract of IngestLog: a part that was stored is remembered, and one that broke is not."""

import asyncio
from abc import abstractmethod
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from typing import Protocol

import pytest

from taxi_predictor.ports.outbound.trips import CleanBatch, IngestLog, PartName, Quarantine, TripStore
from taxi_predictor.ports.testing.samples import a_trip
from taxi_predictor.ports.testing.tables import TableMaker, stream

__all__ = ["IngestLogContract", "RememberingTrips"]

A_PART = PartName(family="sample", name="one")


class RememberingTrips(TripStore, IngestLog, Protocol):
    """Keeps trips, and when they came."""


class IngestLogContract(TableMaker):
    @abstractmethod
    def open(self) -> AbstractAsyncContextManager[tuple[RememberingTrips, Quarantine]]:
        """An empty store and its quarantine, fresh each time."""

    async def test_the_last_part_is_remembered(self) -> None:
        """Also one that brings nothing new; before the first there is none."""
        async with self.open() as (store, _):
            assert await store.last_at() is None
            seen: list[datetime] = []
            for _again in range(3):
                await store.add(A_PART, stream(self.clean_batch([a_trip(1)])))
                last_at = await store.last_at()
                assert last_at is not None
                seen.append(last_at)
                await asyncio.sleep(0.01)
            assert sorted(set(seen)) == seen
            assert all(at.utcoffset() == timedelta(0) for at in seen)

    async def test_a_part_that_broke_does_not_count(self) -> None:
        """Nothing of it was stored."""

        async def broken() -> AsyncIterator[CleanBatch]:
            yield self.clean_batch([a_trip(1)])
            raise RuntimeError("cut short")

        async with self.open() as (store, _):
            with pytest.raises(RuntimeError):
                await store.add(A_PART, broken())
            assert await store.last_at() is None
