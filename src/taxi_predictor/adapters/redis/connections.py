"""Connections to Redis, which wait for nobody and keep nobody else from being found."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from redis.asyncio import BlockingConnectionPool
from redis.asyncio.connection import AbstractConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from taxi_predictor.domain.errors import Invalid

__all__ = ["CONNECTIONS", "PATIENCE_S", "open_redis"]

PATIENCE_S = 0.08
"""Redis answers within a millisecond; a request is not held up much longer for one that does not."""
MAKING_S = 2.0
"""So long it may take to connect to an address, while requests go on without."""
CONNECTIONS = 16


@asynccontextmanager
async def open_redis(url: str) -> AsyncIterator[BlockingConnectionPool]:
    """Connections that are made when they are needed: a Redis that is away does not hinder a start.

    Raises:
        Invalid: the URL is none of a Redis.
    """
    try:
        pool = _Pool.from_url(
            url, max_connections=CONNECTIONS, timeout=PATIENCE_S, retry=Retry(NoBackoff(), 0)
        )
    except ValueError:
        # It says why, and may quote half of a password in doing so.
        raise Invalid(
            "this is no URL of a Redis such as redis://host:6379/0; write what is special in a password"
            " as in %2F for /"
        ) from None
    try:
        yield pool
    finally:
        await pool.disconnect()


class _Pool(BlockingConnectionPool):
    """Makes one connection at a time, and does not stop because somebody who wanted it gave up.

    To look for an address may take ten seconds where no name server answers, nobody can stop it, and uvloop
    has few places for it: were each request to begin anew, the database would not be found, either.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._making: asyncio.Task[None] | None = None

    async def ensure_connection(self, connection: AbstractConnection) -> None:
        while self._making is not None and not connection.is_connected:
            await asyncio.wait({self._making})
        if not connection.is_connected:
            self._making = asyncio.create_task(self._make(connection))
            self._making.add_done_callback(_heard)
            await asyncio.shield(self._making)
        await super().ensure_connection(connection)

    async def _make(self, connection: AbstractConnection) -> None:
        host = self.connection_kwargs.get("host")
        try:
            if host is not None:  # by itself, for that ends when it ends
                await asyncio.get_running_loop().getaddrinfo(host, None)
            async with asyncio.timeout(MAKING_S):
                await connection.connect()  # type: ignore[no-untyped-call]
        finally:
            self._making = None


def _heard(making: "asyncio.Task[None]") -> None:
    """Whoever waited may have given up: then nobody else looks at what became of it."""
    if not making.cancelled():
        making.exception()
