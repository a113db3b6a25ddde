"""The journal in PostgreSQL, which itself refuses to change or delete what was written."""

from collections.abc import Sequence

import asyncpg

from taxi_predictor.adapters.postgres.pool import connected
from taxi_predictor.adapters.postgres.queries import QUERIES
from taxi_predictor.domain.model import ModelVersion
from taxi_predictor.ports.outbound.journal import Deed, Entry, Journal

__all__ = ["PostgresJournal"]


class PostgresJournal(Journal):
    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def write(self, entry: Entry, /) -> None:
        values = (entry.at, entry.actor, entry.deed, entry.version, entry.reason)
        async with connected(self._pool) as connection:
            await connection.execute(QUERIES["write_entry"], *values)

    async def entries(self, *, limit: int) -> Sequence[Entry]:
        async with connected(self._pool) as connection:
            rows = await connection.fetch(QUERIES["entries"], limit)
        return [
            Entry(
                at=row["at"],
                actor=row["actor"],
                deed=Deed(row["deed"]),
                version=ModelVersion(row["version"]),
                reason=row["reason"],
            )
            for row in rows
        ]
