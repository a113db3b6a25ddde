"""An archive that lasts as long as the process."""

from collections.abc import AsyncGenerator, AsyncIterator
from datetime import date

import polars as pl

from taxi_predictor.adapters.columns.sums import ids_sum
from taxi_predictor.adapters.columns.trips import TRIP_TYPES, trips_of
from taxi_predictor.adapters.memory.trips import BATCH_ROWS
from taxi_predictor.domain.errors import MissingSource
from taxi_predictor.domain.trip import TripBatch
from taxi_predictor.ports.outbound.archive import ArchivedTrips, TripArchive

__all__ = ["MemoryTripArchive"]


class MemoryTripArchive(TripArchive):
    def __init__(self) -> None:
        self._kept: dict[str, pl.DataFrame] = {}

    async def write(self, family: str, month: date, batches: AsyncIterator[TripBatch], /) -> ArchivedTrips:
        tables = [trips_of(batch.table) async for batch in batches]
        trips = pl.concat([pl.DataFrame(schema=TRIP_TYPES), *tables])
        archived = ids_sum(trips["trip_id"])
        name = f"{family} {month:%Y-%m} {archived.digits}"
        self._kept.setdefault(name, trips)
        return ArchivedTrips(family=family, month=month, name=name, sum=archived)

    async def read(self, name: str, /) -> AsyncGenerator[TripBatch, None]:
        if name not in self._kept:
            raise MissingSource(f"nothing is archived as {name!r}")
        for rows in self._kept[name].iter_slices(BATCH_ROWS):
            if len(rows):
                yield TripBatch(rows)
