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
from taxi_predictor.adapters.postgres.pool import WHOLE_TABLE_S, connected, translated
from taxi_predictor.adapters.postgres.queries import QUERIES
from taxi_predictor.domain.city import City
from taxi_predictor.domain.traffic import (
    CELL_COLUMNS,
    CELLS_PER_DEG,
    DayCount,
    DurationCounts,
    HourCount,
    PairCount,
    SpotCount,
    Window,
)
from taxi_predictor.ports.outbound.statistics import TripStatistics

__all__ = ["PostgresTripStatistics"]

ERASED_AFTER_S = 60.0
"""How long erased trips may still be counted: nobody tells this process that they were erased."""
READ_TYPES: Mapping[str, pl.DataType] = {
    "pickup_at": pl.Int64(),
    "ingest_id": pl.Int64(),
    "pickup": pl.Int32(),
    "dropoff": pl.Int32(),
    "duration_s": pl.Float32(),
    "metered_distance_km": pl.Float32(),
}
PICKUP_AT = pl.from_epoch("pickup_at", time_unit="s").dt.replace_time_zone("UTC")
CELLS = (CELLS_PER_DEG, CELL_COLUMNS)
T = TypeVar("T")

Month = tuple[date, tuple[tuple[str, int], ...]]
"""Its first day, and how many trips each family has in it: what tells that it changed."""


class PostgresTripStatistics(TripStatistics):
    """Keeps 31 bytes per trip, for as long as the process lives: 150 MB for five million."""

    def __init__(self, pool: asyncpg.Pool, city: City) -> None:
        self._pool = pool
        self._city = city
        self._months: dict[Month, pl.DataFrame] = {}
        self._counted: CountedTrips | None = None
        self._newest = -1
        self._looked_s = 0.0
        self._looking: asyncio.Task[None] | None = None

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
        """All that is stored; looked at again when a part came in, and once a minute for what was erased.

        Only the former is waited for. A look goes on when whoever asked gives up: others wait for it, too.
        """
        async with connected(self._pool) as connection:
            newest = await connection.fetchval(QUERIES["newest_ingest"])
        while self._counted is None or self._newest < newest:
            await asyncio.shield(self._look())
        if monotonic() - self._looked_s >= ERASED_AFTER_S:
            self._look().add_done_callback(_hear)
        return self._counted

    def _look(self) -> "asyncio.Task[None]":
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._read())
        return self._looking

    async def _read(self) -> None:
        began_s = monotonic()
        async with connected(self._pool, patience_s=WHOLE_TABLE_S) as connection:
            newest = await connection.fetchval(QUERIES["newest_ingest"])
            rows = await connection.fetch(QUERIES["trips_by_month"])
            families = dict(await connection.fetch(QUERIES["families_of_ingests"]))
        by_month: dict[date, list[tuple[str, int]]] = {}
        for row in rows:
            by_month.setdefault(row["month"], []).append((row["family"], row["trips"]))
        months: list[Month] = [(month, tuple(counts)) for month, counts in by_month.items()]
        if self._counted is None or set(months) != self._months.keys():
            self._months = {month: await self._month(month, families) for month in sorted(months)}
            nothing = self._trips_of(pl.DataFrame(schema=READ_TYPES), families)
            self._counted = await asyncio.to_thread(_counted, [nothing, *self._months.values()])
        self._newest, self._looked_s = newest, began_s

    async def _month(self, month: Month, families: Mapping[int, str]) -> pl.DataFrame:
        if month in self._months:
            return self._months[month]
        first = datetime(month[0].year, month[0].month, 1, tzinfo=UTC)
        until = datetime(first.year + first.month // 12, first.month % 12 + 1, 1, tzinfo=UTC)
        with translated():
            async with self._pool.acquire() as connection:
                query = copy_out(connection, QUERIES["counted_trips"], first, until, *CELLS, types=READ_TYPES)
                async with aclosing(query) as frames:
                    pieces = [
                        await asyncio.to_thread(self._trips_of, read, families) async for read in frames
                    ]
        return pl.concat(pieces)

    def _trips_of(self, read: pl.DataFrame, families: Mapping[int, str]) -> pl.DataFrame:
        family = pl.col("ingest_id").replace_strict(families, return_dtype=pl.String).alias("family")
        return CountedTrips.columns_of_spots(read.with_columns(PICKUP_AT, family), self._city)


def _counted(months: Sequence[pl.DataFrame]) -> CountedTrips:
    """*months* together, with what is counted once for all questions."""
    counted = CountedTrips(pl.concat(months))
    _ = counted.durations(Window())
    return counted


def _hear(look: "asyncio.Task[None]") -> None:
    """Nobody waits for it: who asks next is told of the same trouble."""
    if not look.cancelled():
        look.exception()
