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
    """Looks for the address once for all who want a connection, and not again before that has ended.

    Who gives up does not end it, and where no name server answers it takes ten seconds. uvloop looks for two
    addresses at a time: a Redis that is away must not be both, or the database is not found, either.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._address: asyncio.Future[Any] | None = None

    async def ensure_connection(self, connection: AbstractConnection) -> None:
        host = self.connection_kwargs.get("host")
        if host is not None and not connection.is_connected:
            if self._address is None or self._address.done():
                loop = asyncio.get_running_loop()
                self._address = asyncio.ensure_future(loop.getaddrinfo(host, None))
                self._address.add_done_callback(_heard)
            await asyncio.shield(self._address)
        await super().ensure_connection(connection)


def _heard(address: "asyncio.Future[Any]") -> None:
    """Whoever waited may have given up: then nobody else looks at what became of it."""
    if not address.cancelled():
        address.exception()
