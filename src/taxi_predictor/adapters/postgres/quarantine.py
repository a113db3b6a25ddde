"""Refused rows in PostgreSQL, as the parts that they were read from came in."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

import asyncpg
import polars as pl

from taxi_predictor.adapters.postgres.pool import WHOLE_TABLE_S, connected
from taxi_predictor.adapters.postgres.queries import QUERIES
from taxi_predictor.adapters.postgres.reading import groups_of_rows
from taxi_predictor.domain.plausibility import Rejection
from taxi_predictor.ports.outbound.sources import REJECT_COLUMNS, PartName, RejectBatch
from taxi_predictor.ports.outbound.trips import Quarantine, RejectCount

__all__ = ["PostgresQuarantine"]

ROWS_PER_REJECT_BATCH = 10_000


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
