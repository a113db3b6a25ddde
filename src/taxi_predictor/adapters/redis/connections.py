"""Connections to Redis, which wait for nobody and keep nobody else from being found."""

import asyncio
import time
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
"""So long it may take to connect, once the address is known, while requests go on without."""
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
    """Goes on making a connection where whoever wanted it gave up, and looks for an address once at a time.

    That may take ten seconds where no name server answers, nobody can stop it, and uvloop has few places for
    it: were each request to begin anew, the database would not be found, either.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._address: asyncio.Task[Any] | None = None
        self._being_made: dict[AbstractConnection, asyncio.Task[None]] = {}

    async def ensure_connection(self, connection: AbstractConnection) -> None:
        # It is said to be connected before it has shaken hands: another may want it meanwhile.
        making = self._being_made.get(connection)
        if making is None and not connection.is_connected:
            making = self._being_made[connection] = asyncio.create_task(self._make(connection))
            making.add_done_callback(_heard)
        if making is not None:
            await asyncio.shield(making)
        await super().ensure_connection(connection)

    async def _make(self, connection: AbstractConnection) -> None:
        try:
            began_s = time.monotonic()
            await self._found()
            took_s = time.monotonic() - began_s
            async with asyncio.timeout(MAKING_S + took_s):  # the library looks for it once more
                await connection.connect()  # type: ignore[no-untyped-call]
        finally:
            del self._being_made[connection]

    async def _found(self) -> None:
        """Return when the address is known.

        Raises:
            OSError: there is none.
        """
        host = self.connection_kwargs.get("host")
        if host is None:
            return  # a file
        if self._address is None or self._address.done():
            self._address = asyncio.create_task(_address_of(host))
            self._address.add_done_callback(_heard)
        await asyncio.shield(self._address)

    async def disconnect(self, inuse_connections: bool = True) -> None:
        if inuse_connections:  # it is over
            for making in self._being_made.values():
                making.cancel()
        await super().disconnect(inuse_connections)


async def _address_of(host: str) -> object:
    return await asyncio.get_running_loop().getaddrinfo(host, None)


def _heard(task: "asyncio.Task[Any]") -> None:
    """Whoever waited may have given up: then nobody else looks at what became of it."""
    if not task.cancelled():
        task.exception()
