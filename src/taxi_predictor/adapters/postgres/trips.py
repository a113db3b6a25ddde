"""Trips in PostgreSQL: a part comes in by COPY, in one transaction, and adding it again changes nothing."""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from datetime import date, datetime

import asyncpg
import polars as pl

from taxi_predictor.adapters.columns.trips import TRIP_TYPES
from taxi_predictor.adapters.postgres.copying import copy_out
from taxi_predictor.adapters.postgres.intake import PartIntake
from taxi_predictor.adapters.postgres.pool import WHOLE_TABLE_S, connected, translated
from taxi_predictor.adapters.postgres.queries import QUERIES, affected
from taxi_predictor.domain.errors import TripsChanged
from taxi_predictor.domain.place import Bounds
from taxi_predictor.domain.trip import TRIP_COLUMNS, TripBatch, TripId
from taxi_predictor.domain.trip_sum import IDS, TripSum
from taxi_predictor.ports.outbound.sources import CleanBatch, PartName
from taxi_predictor.ports.outbound.trips import (
    Added,
    Ingest,
    IngestLog,
    TripCount,
    TripErasure,
    TripStore,
)

__all__ = ["PostgresTripStore"]

STORED_TYPES: Mapping[str, pl.DataType] = {**TRIP_TYPES, "pickup_at": pl.Int64()}
"""Times come as microseconds."""
PICKUP_AT = pl.from_epoch("pickup_at", time_unit="us").dt.replace_time_zone("UTC")
LOCK_TIMEOUT = "5s"  # who waits for a table keeps all others waiting who come after
DROPPING_S = 600.0


class PostgresTripStore(TripStore, TripErasure, IngestLog):
    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def add(self, part: PartName, batches: AsyncIterator[CleanBatch], /) -> Added:
        try:
            with translated():
                # Whatever the database's default: after the wait for its turn a part must see what came in.
                isolation = "read_committed"
                async with self._pool.acquire() as connection, connection.transaction(isolation=isolation):
                    return await PartIntake(connection, part).take(_marked(batches))
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
