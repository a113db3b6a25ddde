"""Trips in PostgreSQL: staged by COPY, then moved in one statement, all in one transaction."""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import date, datetime

import asyncpg
import polars as pl

from taxi_predictor.adapters.columns.arrays import frame
from taxi_predictor.adapters.postgres.copying import copy_in, copy_out
from taxi_predictor.adapters.postgres.pool import translated
from taxi_predictor.adapters.postgres.queries import QUERIES
from taxi_predictor.domain.plausibility import Rejection
from taxi_predictor.domain.trip import TRIP_COLUMNS, TripBatch
from taxi_predictor.ports.outbound.trips import (
    REJECT_COLUMNS,
    Added,
    CleanBatch,
    PartName,
    Quarantine,
    RejectBatch,
    RejectCount,
    TripCount,
    TripStore,
)

__all__ = ["PostgresQuarantine", "PostgresTripStore"]

STORED_TYPES: Mapping[str, pl.DataType] = {
    "pickup_at": pl.Int64(),
    "pickup_lat_deg": pl.Float64(),
    "pickup_lon_deg": pl.Float64(),
    "pickup_zone": pl.Int32(),
    "dropoff_lat_deg": pl.Float64(),
    "dropoff_lon_deg": pl.Float64(),
    "dropoff_zone": pl.Int32(),
    "passenger_count": pl.Int16(),
    "trip_id": pl.String(),
    "duration_s": pl.Float64(),
    "metered_distance_km": pl.Float64(),
    "total_amount": pl.Float64(),
}
PICKUP_AT = pl.from_epoch("pickup_at", time_unit="us").dt.replace_time_zone("UTC")
ROWS_PER_REJECT_BATCH = 10_000


class PostgresTripStore(TripStore):
    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def add(self, part: PartName, batches: AsyncIterator[CleanBatch], /) -> Added:
        with translated():
            async with self._pool.acquire() as connection, connection.transaction():
                return await _add(connection, part, batches)

    async def between(self, since: datetime | None, until: datetime | None, /) -> AsyncIterator[TripBatch]:
        with translated():
            async with self._pool.acquire() as connection:
                query = QUERIES["trips_between"]
                async for stored in copy_out(connection, query, since, until, types=STORED_TYPES):
                    yield TripBatch(stored.with_columns(PICKUP_AT).select(TRIP_COLUMNS))

    async def days(self, time_zone: str, until: datetime | None, /) -> Sequence[tuple[date, int]]:
        with translated():
            rows = await self._pool.fetch(QUERIES["trips_by_day"], time_zone, until)
        return [(row["day"], row["trips"]) for row in rows]

    async def counts(self) -> Sequence[TripCount]:
        with translated():
            rows = await self._pool.fetch(QUERIES["trips_by_month"])
        return [TripCount(**row) for row in rows]


class PostgresQuarantine(Quarantine):
    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def counts(self) -> Sequence[RejectCount]:
        with translated():
            rows = await self._pool.fetch(QUERIES["rejects_by_reason"])
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
    ) -> AsyncIterator[tuple[PartName, RejectBatch]]:
        wanted = (part.family, part.name) if part else (None, None)
        with translated():
            async with self._pool.acquire() as connection, connection.transaction(readonly=True):
                cursor = await connection.cursor(QUERIES["rejects"], *wanted, reason)
                while rows := await cursor.fetch(ROWS_PER_REJECT_BATCH):
                    found = pl.DataFrame(
                        [tuple(row) for row in rows], schema=["family", "part", *REJECT_COLUMNS], orient="row"
                    )
                    for (family, name), group in found.group_by("family", "part", maintain_order=True):
                        yield (
                            PartName(family=str(family), name=str(name)),
                            RejectBatch(group.select(REJECT_COLUMNS)),
                        )


async def _add(connection: asyncpg.Connection, part: PartName, batches: AsyncIterator[CleanBatch]) -> Added:
    ingest_id = await connection.fetchval(QUERIES["begin_ingest"], part.family, part.name)
    await connection.execute(QUERIES["stage_trips"])
    await connection.execute(QUERIES["forget_rejects"], part.family, part.name)
    offered = rejected = 0
    months: set[date] = set()
    async for batch in batches:
        trips = frame(batch.trips.table)
        months.update(trips["pickup_at"].dt.date().dt.truncate("1mo").unique())
        row_numbers = pl.Series("row_number", batch.row_numbers, dtype=pl.Int64)
        await copy_in(connection, "staged_trips", trips.with_columns(row_numbers))
        rejects = frame(batch.rejects.table).with_columns(family=pl.lit(part.family), part=pl.lit(part.name))
        await copy_in(connection, "trip_rejects", rejects)
        offered += len(trips)
        rejected += len(rejects)
    await _ensure_partitions(connection, sorted(months))
    added = _affected(await connection.execute(QUERIES["add_trips"], ingest_id))
    duplicates = 0
    if added < offered:
        duplicates = _affected(
            await connection.execute(QUERIES["add_duplicates"], part.family, part.name, Rejection.DUPLICATE)
        )
    stored = Added(added=added, known=offered - added - duplicates, duplicates=duplicates)
    await connection.execute(
        QUERIES["finish_ingest"], ingest_id, stored.added, stored.known, duplicates, rejected + duplicates
    )
    return stored


async def _ensure_partitions(connection: asyncpg.Connection, months: Sequence[date]) -> None:
    """Make the partitions of *months* that are not there yet.

    A table is attached rather than created as a partition: that lets readers and writers of the
    others go on. The lock makes one of two writers wait that need the same new month.
    """
    for month in months:
        name = f"taxi_trips_{month:%Y_%m}"
        if await connection.fetchval(QUERIES["partition_exists"], name):
            continue
        await connection.execute("select pg_advisory_xact_lock(hashtext('taxi_trips partitions'))")
        if await connection.fetchval(QUERIES["partition_exists"], name):
            continue
        following = date(month.year + month.month // 12, month.month % 12 + 1, 1)
        await connection.execute(f"create table {name} (like taxi_trips including all)")
        await connection.execute(
            f"alter table taxi_trips attach partition {name}"
            f" for values from ('{month} 00:00+00') to ('{following} 00:00+00')"
        )


def _affected(tag: str) -> int:
    """The number of rows in a command tag such as ``INSERT 0 42``."""
    return int(tag.rpartition(" ")[2])
