"""Reading a long answer in groups of rows, from a server that may fall silent meanwhile."""

from collections.abc import AsyncGenerator, Sequence

import asyncpg

from taxi_predictor.adapters.postgres.pool import watched

__all__ = ["groups_of_rows"]

GROUP_ROWS = 500
PATIENCE_S = 30.0
"""How long the server may take for one group."""


async def groups_of_rows(
    pool: asyncpg.Pool, query: str, *args: object, group_rows: int = GROUP_ROWS
) -> AsyncGenerator[Sequence[asyncpg.Record], None]:
    """Yield the rows of *query* as they were when it began; the connection is cut where that takes too long.

    Whoever leaves early closes it, with :func:`contextlib.aclosing`.

    Raises:
        Unavailable: the server does not answer.
    """
    async with watched(pool, PATIENCE_S) as (connection, watchdog), connection.transaction(readonly=True):
        cursor = await connection.cursor(query, *args)
        while rows := await cursor.fetch(group_rows):
            watchdog.rest()  # a reader may take its time
            try:
                yield rows
            finally:
                watchdog.watch()
