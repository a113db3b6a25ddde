"""Trips in PostgreSQL: a part comes in by COPY, in one transaction, and twice is no more than once."""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from datetime import date, datetime

import asyncpg
import polars as pl

from taxi_predictor.adapters.columns.arrays import frame
from taxi_predictor.adapters.columns.trips import TRIP_TYPES
from taxi_predictor.adapters.postgres.copying import copy_in, copy_out
from taxi_predictor.adapters.postgres.pool import connected, translated
from taxi_predictor.adapters.postgres.queries import QUERIES, affected
from taxi_predictor.adapters.postgres.reading import groups_of_rows
from taxi_predictor.domain.errors import TripsChanged
from taxi_predictor.domain.place import Bounds
from taxi_predictor.domain.plausibility import Rejection
from taxi_predictor.domain.trip import TRIP_COLUMNS, TripBatch, TripId
from taxi_predictor.domain.trip_sum import IDS, TripSum
from taxi_predictor.ports.outbound.sources import REJECT_COLUMNS, CleanBatch, PartName, RejectBatch
from taxi_predictor.ports.outbound.trips import (
    Added,
    Ingest,
    IngestLog,
    Quarantine,
    RejectCount,
    TripCount,
    TripErasure,
    TripStore,
)

__all__ = ["WHOLE_TABLE_S", "PostgresQuarantine", "PostgresTripStore"]

STORED_TYPES: Mapping[str, pl.DataType] = {**TRIP_TYPES, "pickup_at": pl.Int64()}
"""Times come as microseconds."""
PICKUP_AT = pl.from_epoch("pickup_at", time_unit="us").dt.replace_time_zone("UTC")
ROWS_PER_REJECT_BATCH = 10_000
LOCK_TIMEOUT = "5s"  # who waits for a table keeps all others waiting who come after
DROPPING_S = 600.0
WHOLE_TABLE_S = 60.0
"""So long the server may take to count all trips."""


class PostgresTripStore(TripStore, TripErasure, IngestLog):
    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def add(self, part: PartName, batches: AsyncIterator[CleanBatch], /) -> Added:
        try:
            with translated():
                # Whatever the database's default: after the wait for its turn a part must see what came in.
                isolation = "read_committed"
                async with self._pool.acquire() as connection, connection.transaction(isolation=isolation):
                    return await _Intake(connection, part).take(_marked(batches))
        except _SourceTrouble as trouble:
            raise trouble.error from trouble.error.__cause__

    async def between(
        self,
        since: datetime | None,
        until: datetime | None,
        /,
        *,
        pickup_in: Bounds | None = None,
        dropoff_in: Bounds | None = None,
        family: str | None = None,
    ) -> AsyncGenerator[TripBatch, None]:
        window = (since, until, *_edges(pickup_in), *_edges(dropoff_in), family)
        with translated():
            async with self._pool.acquire() as connection:
                query = QUERIES["trips_between"]
                async with aclosing(copy_out(connection, query, *window, types=STORED_TYPES)) as frames:
                    async for stored in frames:
                        yield TripBatch(stored.with_columns(PICKUP_AT).select(TRIP_COLUMNS))

    async def days(self, time_zone: str, until: datetime | None, /) -> Sequence[tuple[date, int]]:
        async with connected(self._pool, patience_s=WHOLE_TABLE_S) as connection:
            rows = await connection.fetch(QUERIES["trips_by_day"], time_zone, until)
        return [(row["day"], row["trips"]) for row in rows]

    async def counts(self) -> Sequence[TripCount]:
        async with connected(self._pool, patience_s=WHOLE_TABLE_S) as connection:
            rows = await connection.fetch(QUERIES["trips_by_month"])
        return [TripCount(**row) for row in rows]

    async def families(self, since: datetime, until: datetime, /) -> Sequence[str]:
        async with connected(self._pool, patience_s=WHOLE_TABLE_S) as connection:
            rows = await connection.fetch(QUERIES["families_between"], since, until)
        return [row["family"] for row in rows]

    async def ingests(self, *, limit: int) -> Sequence[Ingest]:
        async with connected(self._pool) as connection:
            rows = await connection.fetch(QUERIES["newest_ingests"], limit)
        return [
            Ingest(
                part=PartName(family=row["family"], name=row["part"]),
                stored_at=row["stored_at"],
                added=row["added"],
                known=row["known"],
                rejected=row["rejected"],
            )
            for row in rows
        ]

    async def erase(self, trips: Sequence[tuple[datetime, TripId]], /) -> int:
        async with connected(self._pool, patience_s=WHOLE_TABLE_S) as connection:
            tag = await connection.execute(
                QUERIES["erase_trips"], [at for at, _ in trips], [trip_id for _, trip_id in trips]
            )
        return affected(tag)

    async def drop_month(self, month: date, meant: TripSum, /) -> None:
        partition, found = f"taxi_trips_{month:%Y_%m}", TripSum()
        async with connected(self._pool, patience_s=DROPPING_S) as connection, connection.transaction():
            # No part comes in meanwhile, and nobody erases: what is looked at is what is dropped.
            await connection.execute(QUERIES["wait_for_turn"])
            await connection.execute(f"set local lock_timeout = '{LOCK_TIMEOUT}'")
            months = {row["relname"] for row in await connection.fetch(QUERIES["months"], "taxi_trips")}
            if partition in months:
                await connection.execute(f"lock table {partition} in share row exclusive mode")
                query = QUERIES["sum_of_ids"].replace("taxi_trips", partition)
                found = _sum_of(await connection.fetchrow(query))
            if found != meant:
                raise TripsChanged(
                    f"{found.trips:,} trips of {month:%Y-%m} are stored, and they are not the {meant.trips:,}"
                    " that were to be removed: nothing was. Archive again"
                )
            if partition in months:
                await connection.execute(f"alter table taxi_trips detach partition {partition}")
                await connection.execute(f"drop table {partition}")


def _sum_of(row: asyncpg.Record) -> TripSum:
    """Halves of ids come with a sign: a negative one is 2^64 short."""
    high, low = int(row["high"]), int(row["low"]) + row["negative_lows"] * 2**64
    return TripSum(trips=row["trips"], ids=(high * 2**64 + low) % IDS)


def _edges(box: Bounds | None) -> Sequence[float | None]:
    if box is None:
        return (None,) * 4
    return box.south_deg, box.north_deg, box.west_deg, box.east_deg


class PostgresQuarantine(Quarantine):
    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def counts(self) -> Sequence[RejectCount]:
        async with connected(self._pool, patience_s=WHOLE_TABLE_S) as connection:
            rows = await connection.fetch(QUERIES["rejects_by_reason"])
        return [
            RejectCount(
                part=PartName(family=row["family"], name=row["part"]),
                reason=Rejection(row["reason"]),
                rows=row["rows"],
            )
            for row in rows
        ]

    async def rejects(
        self, *, part: PartName | None = None, reason: Rejection | None = None
    ) -> AsyncGenerator[tuple[PartName, RejectBatch], None]:
        wanted = (part.family, part.name) if part else (None, None)
        query = groups_of_rows(
            self._pool, QUERIES["rejects"], *wanted, reason, group_rows=ROWS_PER_REJECT_BATCH
        )
        async with aclosing(query) as groups:
            async for rows in groups:
                found = pl.DataFrame(
                    [tuple(row) for row in rows], schema=["family", "part", *REJECT_COLUMNS], orient="row"
                )
                for (family, name), group in found.group_by("family", "part", maintain_order=True):
                    yield (
                        PartName(family=str(family), name=str(name)),
                        RejectBatch(group.select(REJECT_COLUMNS)),
                    )


class _SourceTrouble(Exception):
    """What the batches raised, on its way past the database's own troubles."""

    def __init__(self, error: Exception) -> None:
        self.error = error


async def _marked(batches: AsyncIterator[CleanBatch]) -> AsyncIterator[CleanBatch]:
    try:
        async for batch in batches:
            yield batch
    except Exception as error:  # noqa: BLE001 # raised again by add
        raise _SourceTrouble(error) from None


class _Intake:
    """One part on its way in, inside the caller's transaction."""

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
