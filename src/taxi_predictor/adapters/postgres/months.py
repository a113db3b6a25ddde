"""Tables in months (UTC), each a partition that is made when a row of it first comes."""

from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime
from typing import TypeVar

import asyncpg

from taxi_predictor.adapters.postgres.pool import connected
from taxi_predictor.adapters.postgres.queries import QUERIES

__all__ = ["with_months"]


Done = TypeVar("Done")
PATIENCE_S = 15.0
"""Enough for some steps over a network that takes a second for each."""


async def with_months(
    pool: asyncpg.Pool,
    table: str,
    instants: Iterable[datetime],
    write: Callable[[asyncpg.Connection], Awaitable[Done]],
) -> Done:
    """Do *write*, and once more with the months of *instants* made if *table* had not all of them.

    So the usual write, into a month that is there, asks for nothing else.

    Raises:
        Unavailable: the server does not answer in time; what of *write* was done is unknown.
        StorageFull: there is no room; *write* was not done.
    """
    async with connected(pool, patience_s=PATIENCE_S) as connection:
        try:
            return await write(connection)
        except asyncpg.CheckViolationError:  # no partition takes the row
            for month in sorted({at.astimezone(UTC).date().replace(day=1) for at in instants}):
                await connection.execute(QUERIES["make_month"], table, month)
            return await write(connection)
