"""Rows of a long answer, some at a time, from a server that may fall silent in the midst of it."""

import asyncio
from collections.abc import AsyncGenerator, Sequence

import asyncpg

from taxi_predictor.adapters.postgres.pool import translated

__all__ = ["groups_of_rows"]

GROUP_ROWS = 500
PATIENCE_S = 30.0
"""So long the server may take for one group."""


async def groups_of_rows(
    pool: asyncpg.Pool, query: str, *args: object, group_rows: int = GROUP_ROWS
) -> AsyncGenerator[Sequence[asyncpg.Record], None]:
    """Yield the rows of *query* as they were when it began; the connection is cut where that takes too long.

    Whoever leaves early closes it, with :func:`contextlib.aclosing`.

    Raises:
        Unavailable: the server does not answer.
    """
    loop = asyncio.get_running_loop()
    with translated():
        connection = await pool.acquire(timeout=PATIENCE_S)
        watchdog = loop.call_later(PATIENCE_S, connection.terminate)
        try:
            async with connection.transaction(readonly=True):
                cursor = await connection.cursor(query, *args)
                while rows := await cursor.fetch(group_rows):
                    watchdog.cancel()  # a reader may take its time
                    yield rows
                    watchdog = loop.call_later(PATIENCE_S, connection.terminate)
        finally:
            watchdog.cancel()
            watchdog = loop.call_later(PATIENCE_S, connection.terminate)
            try:
                await pool.release(connection)
            finally:
                watchdog.cancel()
