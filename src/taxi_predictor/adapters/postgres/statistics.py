"""Trips of PostgreSQL, counted in columns that this process keeps and reads anew where they changed."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import aclosing
from datetime import UTC, date, datetime
from time import monotonic
from typing import TypeVar

import asyncpg
import polars as pl

from taxi_predictor.adapters.columns.statistics import CountedTrips
from taxi_predictor.adapters.postgres.copying import copy_out
from taxi_predictor.adapters.postgres.pool import connected, translated
from taxi_predictor.adapters.postgres.queries import QUERIES
from taxi_predictor.domain.city import City
from taxi_predictor.domain.traffic import DayCount, DurationCounts, HourCount, PairCount, SpotCount, Window
from taxi_predictor.ports.outbound.statistics import TripStatistics

__all__ = ["PostgresTripStatistics"]

ERASED_AFTER_S = 60.0
"""So long what was erased may count: nobody says when that happens."""
WHOLE_TABLE_S = 60.0
READ_TYPES: Mapping[str, pl.DataType] = {
    "pickup_at": pl.Int64(),
    "family": pl.String(),
    "pickup_lat_deg": pl.Float64(),
    "pickup_lon_deg": pl.Float64(),
    "pickup_zone": pl.Int32(),
    "dropoff_lat_deg": pl.Float64(),
    "dropoff_lon_deg": pl.Float64(),
    "dropoff_zone": pl.Int32(),
    "duration_s": pl.Float64(),
    "metered_distance_km": pl.Float64(),
}
PICKUP_AT = pl.from_epoch("pickup_at", time_unit="s").dt.replace_time_zone("UTC")
T = TypeVar("T")

Month = tuple[date, tuple[tuple[str, int], ...]]
"""Its first day, and how many trips each family has in it: what tells that it changed."""


class PostgresTripStatistics(TripStatistics):
    """Keeps 21 bytes per trip, for as long as the process lives: 105 MB for five million."""

    def __init__(self, pool: asyncpg.Pool, city: City) -> None:
        self._pool = pool
        self._city = city
        self._months: dict[Month, pl.DataFrame] = {}
        self._counted: CountedTrips | None = None
        self._newest: int | None = None
        self._looked_s = -ERASED_AFTER_S
        self._turn = asyncio.Lock()

    async def days(self, window: Window, /) -> Sequence[DayCount]:
        return await self._count(lambda trips: trips.days(window))

    async def hours(self, window: Window, /) -> Sequence[HourCount]:
        return await self._count(lambda trips: trips.hours(window))

    async def durations(self, window: Window, /) -> DurationCounts:
        return await self._count(lambda trips: trips.durations(window))

    async def spots(self, window: Window, /) -> Sequence[SpotCount]:
        return await self._count(lambda trips: trips.spots(window))

    async def pairs(
        self, window: Window, /, *, limit: int, at_least: int = 1, slowest: bool = False
    ) -> Sequence[PairCount]:
        return await self._count(
            lambda trips: trips.pairs(window, limit=limit, at_least=at_least, slowest=slowest)
        )

    async def _count(self, question: Callable[[CountedTrips], T]) -> T:
        return await asyncio.to_thread(question, await self._current())

    async def _current(self) -> CountedTrips:
        """All that is stored; looked at again when a part came in, and once a minute for what was erased."""
        async with connected(self._pool) as connection:
            newest = await connection.fetchval(QUERIES["newest_ingest"])
        async with self._turn:
            is_old = monotonic() - self._looked_s >= ERASED_AFTER_S
            if self._counted is None or newest != self._newest or is_old:
                await self._look()
                self._newest, self._looked_s = newest, monotonic()
            assert self._counted is not None
            return self._counted

    async def _look(self) -> None:
        async with connected(self._pool, patience_s=WHOLE_TABLE_S) as connection:
            rows = await connection.fetch(QUERIES["trips_by_month"])
        families: dict[date, list[tuple[str, int]]] = {}
        for row in rows:
            families.setdefault(row["month"], []).append((row["family"], row["trips"]))
        months: list[Month] = [(month, tuple(counts)) for month, counts in families.items()]
        if self._counted is not None and set(months) == self._months.keys():
            return
        self._months = {month: await self._month(month) for month in sorted(months)}
        empty = CountedTrips.of(_stored(pl.DataFrame(schema=READ_TYPES)), self._city).trips
        self._counted = CountedTrips(await asyncio.to_thread(pl.concat, [empty, *self._months.values()]))

    async def _month(self, month: Month) -> pl.DataFrame:
        if month in self._months:
            return self._months[month]
        first = datetime(month[0].year, month[0].month, 1, tzinfo=UTC)
        until = datetime(first.year + first.month // 12, first.month % 12 + 1, 1, tzinfo=UTC)
        with translated():
            async with self._pool.acquire() as connection:
                query = copy_out(connection, QUERIES["counted_trips"], first, until, types=READ_TYPES)
                async with aclosing(query) as frames:
                    pieces = [CountedTrips.of(_stored(read), self._city).trips async for read in frames]
        return pl.concat(pieces)


def _stored(read: pl.DataFrame) -> pl.DataFrame:
    return read.with_columns(PICKUP_AT)
