"""Live levels in PostgreSQL, one row per model version."""

import asyncpg

from taxi_predictor.adapters.postgres.pool import connected
from taxi_predictor.adapters.postgres.queries import QUERIES
from taxi_predictor.domain.level import LiveLevel
from taxi_predictor.domain.model import ModelVersion
from taxi_predictor.ports.outbound.level import LevelStore

__all__ = ["PostgresLevelStore"]


class PostgresLevelStore(LevelStore):
    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def save(self, version: ModelVersion, level: LiveLevel, /) -> None:
        async with connected(self._pool) as connection:
            await connection.execute(
                QUERIES["save_level"], version, level.as_of, level.trips, level.city, level.strata
            )

    async def level(self, version: ModelVersion, /) -> LiveLevel | None:
        async with connected(self._pool) as connection:
            row = await connection.fetchrow(QUERIES["level"], version)
        if row is None:
            return None
        return LiveLevel(
            as_of=row["as_of"], trips=row["trips"], city=row["city"], strata=tuple(row["strata"])
        )
