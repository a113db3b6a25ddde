"""Turns by advisory locks of PostgreSQL, which end with the connection that took them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from taxi_predictor.adapters.postgres.pool import PATIENCE_S, watched
from taxi_predictor.adapters.postgres.queries import QUERIES
from taxi_predictor.ports.outbound.monitoring import Turns

__all__ = ["PostgresTurns"]


class PostgresTurns(Turns):
    """Each turn that is ours keeps one connection of *pool* to itself."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    @asynccontextmanager
    async def take(self, name: str, /) -> AsyncIterator[bool]:
        async with watched(self._pool, PATIENCE_S) as (connection, watchdog):
            is_ours: bool = await connection.fetchval(QUERIES["take_turn"], name)
            watchdog.rest()  # whoever has it may take its time
            try:
                yield is_ours
            finally:
                watchdog.watch()
                if is_ours and not connection.is_closed():
                    await connection.execute(QUERIES["give_turn_back"], name)
