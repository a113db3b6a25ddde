"""Forgetting predictions and outcomes in PostgreSQL: whole months at once, others row by row."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from datetime import UTC, datetime

import asyncpg

from taxi_predictor.adapters.postgres.outcomes import ended_of
from taxi_predictor.adapters.postgres.pool import connected
from taxi_predictor.adapters.postgres.queries import QUERIES, affected
from taxi_predictor.adapters.postgres.reading import groups_of_rows
from taxi_predictor.ports.outbound.outcomes import EndedPrediction
from taxi_predictor.ports.outbound.retention import Forgotten, Retention

__all__ = ["PostgresRetention"]

FORGETTING_S = 3600.0
LOCK_TIMEOUT = "5s"  # who waits for a table keeps all others waiting who come after


class PostgresRetention(Retention):
    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def ended(
        self, *, owner: str | None = None, reference: str | None = None
    ) -> AsyncGenerator[Sequence[EndedPrediction], None]:
        if owner is reference is None:
            return
        async with aclosing(groups_of_rows(self._pool, QUERIES["ended_of"], owner, reference)) as groups:
            async for rows in groups:
                yield [ended_of(row) for row in rows]

    async def prune(self, before: datetime, /) -> Forgotten:
        async with connected(self._pool, patience_s=FORGETTING_S) as connection:
            # Predictions last: what of theirs is left is found and removed when this is repeated.
            await _prune(connection, "shadow_scores", before)
            outcomes = await _prune(connection, "outcomes", before)
            return Forgotten(predictions=await _prune(connection, "predictions", before), outcomes=outcomes)

    async def erase(self, *, owner: str | None = None, reference: str | None = None) -> Forgotten:
        if owner is reference is None:
            return Forgotten(predictions=0, outcomes=0)
        async with connected(self._pool, patience_s=FORGETTING_S) as connection:
            row = await connection.fetchrow(QUERIES["erase_predictions"], owner, reference)
        return Forgotten(predictions=row["predictions"], outcomes=row["outcomes"])

    async def blur(self, before: datetime, /, *, digits: int) -> int:
        async with connected(self._pool, patience_s=FORGETTING_S) as connection:
            return affected(await connection.execute(QUERIES["blur_predictions"], before, digits))


async def _prune(connection: asyncpg.Connection, table: str, before: datetime) -> int:
    month = f"{table}_{before.astimezone(UTC):%Y_%m}"
    removed = 0
    for row in await connection.fetch(QUERIES["months"], table):
        if (partition := row["relname"]) < month:
            async with connection.transaction():
                await connection.execute(f"set local lock_timeout = '{LOCK_TIMEOUT}'")
                await connection.execute(f"alter table {table} detach partition {partition}")
                removed += await connection.fetchval(f"select count(*) from {partition}")  # noqa: S608 # as the catalog calls it
                await connection.execute(f"drop table {partition}")
    return removed + affected(await connection.execute(QUERIES[f"prune_{table}"], before))
