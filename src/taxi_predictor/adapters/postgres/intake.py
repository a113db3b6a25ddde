"""One part of trips on its way into PostgreSQL: what is new is copied, what is known or repeated counted."""

from collections.abc import AsyncIterator
from datetime import date

import asyncpg
import polars as pl

from taxi_predictor.adapters.columns.arrays import frame
from taxi_predictor.adapters.postgres.copying import copy_in
from taxi_predictor.adapters.postgres.queries import QUERIES, affected
from taxi_predictor.domain.plausibility import Rejection
from taxi_predictor.domain.trip import TRIP_COLUMNS
from taxi_predictor.ports.outbound.sources import CleanBatch, PartName
from taxi_predictor.ports.outbound.trips import Added

__all__ = ["PartIntake"]


class PartIntake:
    """Takes in one part, inside of the caller's transaction."""

    def __init__(self, connection: asyncpg.Connection, part: PartName) -> None:
        self._connection = connection
        self._part = part
        self._ingest_id = 0
        self._months: set[date] = set()
        self._may_be_new = True
        self._added = self._known = self._duplicates = self._rejected = 0

    async def take(self, batches: AsyncIterator[CleanBatch]) -> Added:
        execute, part = self._connection.execute, self._part
        await execute(QUERIES["wait_for_turn"])
        self._ingest_id = await self._connection.fetchval(QUERIES["begin_ingest"], part.family, part.name)
        await execute(QUERIES["stage_trips"])
        await execute(QUERIES["known_trips"])
        await execute(QUERIES["forget_rejects"], part.family, part.name)
        async for batch in batches:
            await self._reject(frame(batch.rejects.table))
            row_numbers = pl.Series("row_number", batch.row_numbers, dtype=pl.Int64)
            # In the order of the index, which then grows at its end.
            trips = frame(batch.trips.table).with_columns(row_numbers, ingest_id=pl.lit(self._ingest_id))
            await self._add(trips.sort("pickup_at", "trip_id", "row_number"))
        stored = Added(added=self._added, known=self._known, duplicates=self._duplicates)
        counts = (stored.added, stored.known, stored.duplicates, self._rejected)
        await execute(QUERIES["finish_ingest"], self._ingest_id, *counts)
        return stored

    async def _add(self, trips: pl.DataFrame) -> None:
        is_first = trips.select(pl.struct("pickup_at", "trip_id").is_first_distinct()).to_series()
        await self._quarantine_repeated(trips.filter(~is_first))
        trips = trips.filter(is_first)
        months = set(trips["pickup_at"].dt.date().dt.truncate("1mo").unique()) - self._months
        for month in sorted(months):
            await self._connection.execute(QUERIES["make_month"], "taxi_trips", month)
        self._months |= months
        if self._may_be_new and await self._copy_new(trips):
            self._added += len(trips)
        else:
            # What is known in part is known in large part: do not try in vain for each batch.
            self._may_be_new = False
            await self._merge(trips)

    async def _copy_new(self, trips: pl.DataFrame) -> bool:
        """Copy *trips* straight into the table; False, and nothing copied, if one is stored already."""
        try:
            async with self._connection.transaction():
                await copy_in(self._connection, "taxi_trips", trips.drop("row_number"))
        except asyncpg.UniqueViolationError:
            return False
        return True

    async def _merge(self, trips: pl.DataFrame) -> None:
        """Add those of *trips* that are not stored yet."""
        await copy_in(self._connection, "staged_trips", trips)
        await self._connection.execute(QUERIES["count_stage"])
        window = (self._ingest_id, trips["pickup_at"].min(), trips["pickup_at"].max())
        rows = await self._connection.fetch(QUERIES["repeated_trips"], *window)
        repeated = trips.filter(pl.col("row_number").is_in([row["row_number"] for row in rows]))
        await self._quarantine_repeated(repeated)
        known = affected(await self._connection.execute(QUERIES["note_known_trips"], *window))
        added = 0
        if len(repeated) + known < len(trips):
            added = affected(await self._connection.execute(QUERIES["add_trips"]))
        self._added += added
        self._known += len(trips) - len(repeated) - added
        await self._connection.execute(QUERIES["clear_stage"])

    async def _quarantine_repeated(self, trips: pl.DataFrame) -> None:
        """The row as it was read is not known here, so the record is the trip made of it."""
        record = pl.struct(TRIP_COLUMNS).struct.json_encode()
        await self._reject(trips.select("row_number", reason=pl.lit(str(Rejection.DUPLICATE)), record=record))
        self._duplicates += len(trips)

    async def _reject(self, rejects: pl.DataFrame) -> None:
        self._rejected += len(rejects)
        family, part = pl.lit(self._part.family), pl.lit(self._part.name)
        await copy_in(self._connection, "trip_rejects", rejects.with_columns(family=family, part=part))
