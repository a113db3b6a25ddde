"""Room for the trips of one training, in memory: for tests, and for trips that it holds."""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from taxi_predictor.adapters.columns.trips import TRIP_TYPES, trips_of
from taxi_predictor.adapters.memory.trips import BATCH_ROWS, MemoryQuarantine, MemoryTripStore
from taxi_predictor.domain.trip import TripBatch
from taxi_predictor.ports.outbound.scratch import TripScratch
from taxi_predictor.ports.outbound.trips import TripStore

__all__ = ["MemoryTripScratch"]


class MemoryTripScratch(TripScratch):
    def __init__(self, *, batch_rows: int = BATCH_ROWS) -> None:
        self._batch_rows = batch_rows

    @asynccontextmanager
    async def store(self) -> AsyncIterator[TripStore]:
        yield MemoryTripStore(MemoryQuarantine())

    @asynccontextmanager
    async def keep(self, batches: AsyncIterator[TripBatch], /) -> AsyncIterator[Sequence[TripBatch]]:
        tables = [trips_of(batch.table) async for batch in batches]
        trips = pl.concat([pl.DataFrame(schema=TRIP_TYPES), *tables])
        yield [TripBatch(rows) for rows in trips.iter_slices(self._batch_rows) if len(rows)]

    @contextmanager
    def room(self) -> Iterator[Path]:
        # Files are for others, who do not see this memory.
        with TemporaryDirectory(prefix="taxi-room-") as folder:
            yield Path(folder)
