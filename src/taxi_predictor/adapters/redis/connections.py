"""Connections to Redis for which no request waits long, and whose making hinders nobody else."""

import asyncio
import socket
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, Self

from redis.asyncio import BlockingConnectionPool
from redis.asyncio.connection import AbstractConnection, Connection, SSLConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from taxi_predictor.domain.errors import Invalid

__all__ = ["CONNECTIONS", "PATIENCE_S", "open_redis"]

PATIENCE_S = 0.08
"""Redis answers within a millisecond; a request is not held up much longer for one that does not."""
MAKING_S = 2.0
"""How long connecting to a known address may take; requests go on without it meanwhile."""
CONNECTIONS = 16


@asynccontextmanager
async def open_redis(url: str) -> AsyncIterator[BlockingConnectionPool]:
    """Connections made when first needed: a Redis that is away does not keep a service from starting.

    Raises:
        Invalid: this is not the URL of a Redis.
    """
    try:
        pool = _Pool.from_url(
            url, max_connections=CONNECTIONS, timeout=PATIENCE_S, retry=Retry(NoBackoff(), 0)
        )
    except ValueError:
        # It says why, and may quote half of a password in doing so.
        raise Invalid(
            "this is no URL of a Redis such as redis://host:6379/0; write special characters in a password"
            " percent-encoded, as %2F for /"
        ) from None
    try:
        yield pool
    finally:
        await pool.disconnect()


class _Found(Connection):
    """Connects to an address that the pool has looked for, one of those that its host has."""

    _address: str

    def at(self, address: str) -> Self:
        self._address = address
        return self

    def _connection_arguments(self) -> Mapping[str, Any]:
        return {**super()._connection_arguments(), "host": self._address}


class _FoundSecurely(_Found, SSLConnection):
    """The same by TLS: the server has to prove that it is the host of that name."""

    def _connection_arguments(self) -> Mapping[str, Any]:
        return {**super()._connection_arguments(), "server_hostname": self.host}


class _Pool(BlockingConnectionPool):
    """Goes on making a connection where whoever wanted it gave up, and looks for an address once at a time.

    To look for one may take ten seconds where no name server answers; it cannot be stopped, and uvloop has
    few threads for it. If each request or each connection looked for itself, the database would not be
    found either.
    """

    def __init__(self, **options: Any) -> None:
        kinds = {Connection: _Found, SSLConnection: _FoundSecurely}
        kind = options.pop("connection_class", Connection)
        super().__init__(connection_class=kinds.get(kind, kind), **options)
        self._search: asyncio.Task[Sequence[str]] | None = None
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
            if isinstance(connection, _Found):
                *others, last = await self._addresses()
                for address in others:
                    with suppress(OSError, RedisError):  # such as ::1, where only 127.0.0.1 is listened at
                        return await _connect(connection.at(address))
                connection.at(last)
            await _connect(connection)
        finally:
            del self._being_made[connection]

    async def _addresses(self) -> Sequence[str]:
        """All that the host has, as those who want a connection look for them together.

        Raises:
            OSError: there is none.
        """
        if self._search is None or self._search.done():
            self._search = asyncio.create_task(_addresses_of(self.connection_kwargs.get("host", "localhost")))
            self._search.add_done_callback(_heard)
        return await asyncio.shield(self._search)

    async def disconnect(self, inuse_connections: bool = True) -> None:
        if inuse_connections:  # it is over
            for making in self._being_made.values():
                making.cancel()
        await super().disconnect(inuse_connections)


async def _connect(connection: AbstractConnection) -> None:
    try:
        async with asyncio.timeout(MAKING_S):
            await connection.connect()  # type: ignore[no-untyped-call]
    except (OSError, RedisError):
        # Or it would count as connected, although it has not shaken hands.
        await connection.disconnect(nowait=True)
        raise


async def _addresses_of(host: str) -> Sequence[str]:
    found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(place[0]) for *_, place in found))


def _heard(task: "asyncio.Task[Any]") -> None:
    """Take note of its error, which asyncio would otherwise complain about if all who waited gave up."""
    if not task.cancelled():
        task.exception()
