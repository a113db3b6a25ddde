"""The pool of connections, and the translation of asyncpg's errors into the core's."""

import asyncio
import socket
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any

import asyncpg

from taxi_predictor.domain.errors import StorageFull, Unavailable
from taxi_predictor.ports.outbound.telemetry import PoolState

__all__ = [
    "PATIENCE_S",
    "WHOLE_TABLE_S",
    "connected",
    "open_pool",
    "ping",
    "state_of",
    "translated",
    "watched",
]

CONNECT_TIMEOUT_S = 5.0
PATIENCE_S = 5.0
"""How long the server may take for a query of a few rows."""
WHOLE_TABLE_S = 60.0
"""How long the server may take to count a whole table."""
APPLICATION = "taxi-predictor"
KEEPALIVE = {"tcp_keepalives_idle": "30", "tcp_keepalives_interval": "10", "tcp_keepalives_count": "3"}
"""A server that cannot be told that a connection is over, as the network is away, finds out within a minute:
each that we cut and make anew would cost it one of those that it may have."""
OWN_KEEPALIVE = {"TCP_KEEPIDLE": 2, "TCP_KEEPINTVL": 1, "TCP_KEEPCNT": 3}
"""We find out within seconds, lest those who ask when it is back wait in vain on connections of before; names
of a module that has those which the system knows."""

AWAY = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # where a connection is lost in the midst of its own bookkeeping
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.LockNotAvailableError,
    asyncpg.TransactionRollbackError,  # two were in each other's way: the other one goes first
)
REFUSING = (
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.InsufficientPrivilegeError,
    asyncpg.ReadOnlySQLTransactionError,
)
UNPREPARED = (asyncpg.UndefinedTableError, asyncpg.UndefinedColumnError, asyncpg.UndefinedFunctionError)
FULL = (asyncpg.DiskFullError, asyncpg.ConfigurationLimitExceededError)  # the latter: temp_file_limit


_waiting: Counter[asyncpg.Pool] = Counter()
"""Who waits for a connection to be free or to be made; the library does not say."""


@contextmanager
def translated() -> Iterator[None]:
    """Turn what asyncpg raises when the server is away or full into what the ports promise."""
    try:
        yield
    except FULL as error:
        raise StorageFull(
            f"the database has no room left ({_reason(error)}): nothing of this was stored"
        ) from error
    except AWAY as error:
        # A lost connection fails again where the transaction is to end; the first failure says why.
        first = error.__context__ if isinstance(error.__context__, asyncpg.PostgresError) else error
        raise Unavailable(f"the database does not answer: {_reason(first)}") from error
    except REFUSING as error:
        raise Unavailable(f"the database refuses: {_reason(error)}") from error
    except UNPREPARED as error:
        raise Unavailable(
            f"the database has not been set up ({_reason(error)}): run `taxi-predictor migrate`"
        ) from error


def _reason(error: BaseException) -> str:
    """One line; the server's further lines are details and hints."""
    return str(error).partition("\n")[0].strip()[:200] or type(error).__name__


@asynccontextmanager
async def open_pool(dsn: str, *, max_size: int = 10, reads_only: bool = False) -> AsyncIterator[asyncpg.Pool]:
    """A pool on *dsn*; connections are made when first needed, so that opening it cannot fail.

    With *reads_only* the server refuses to change anything for it, whatever the user may do.
    """
    reading = {"default_transaction_read_only": "on"} if reads_only else {}
    pool = asyncpg.create_pool(
        dsn,
        connect=_connect,
        min_size=0,
        max_size=max_size,
        timeout=CONNECT_TIMEOUT_S,
        server_settings={"application_name": APPLICATION, "timezone": "UTC", **KEEPALIVE, **reading},
    )
    with translated():
        await pool
    try:
        yield pool
    finally:
        pool.terminate()
        _waiting.pop(pool, None)


async def _connect(*args: Any, **kwargs: Any) -> asyncpg.Connection:
    """As asyncpg does, which leaves some addresses that make no sense to ``int``, and the socket as it is.

    What that quotes may be half of a password which has a ``/`` or a ``#`` in it.
    """
    try:
        connection = await asyncpg.connect(*args, **kwargs)
    except ValueError:
        raise asyncpg.ClientConfigurationError(
            "invalid DSN: it begins with postgresql:// and its port is a number;"
            " write special characters in a password percent-encoded, as %2F for /"
        ) from None
    end = connection._transport.get_extra_info("socket")  # noqa: SLF001 # no other way to it
    if end.family != socket.AF_UNIX:
        end.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in OWN_KEEPALIVE.items():
            if (option := getattr(socket, name, None)) is not None:
                end.setsockopt(socket.IPPROTO_TCP, option, value)
    return connection


class Watchdog:
    """Cuts a connection whose server says nothing for longer than *patience_s*.

    A network that swallows everything never says so, and asyncpg then waits without end for a cancelled
    statement to be over before it gives the connection back.
    """

    def __init__(self, connection: asyncpg.Connection, patience_s: float) -> None:
        self._connection = connection
        self._patience_s = patience_s
        self.watch()

    def watch(self) -> None:
        """From now on, for as long as that takes."""
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self._patience_s, self._cut)

    def _cut(self) -> None:
        with suppress(asyncpg.InterfaceError):  # it was given back in this very turn
            self._connection.terminate()

    def rest(self, returned: "asyncio.Task[None] | None" = None) -> None:
        """Nobody waits for the server; or, where *returned* says so, no longer has the connection."""
        self._timer.cancel()
        if returned is not None and not returned.cancelled():
            returned.exception()  # is heard, lest the loop takes it for one that nobody expected


@asynccontextmanager
async def watched(
    pool: asyncpg.Pool, patience_s: float
) -> AsyncIterator[tuple[asyncpg.Connection, Watchdog]]:
    """One of *pool*, watched until it is back, and cut where its user gives up.

    Raises:
        Unavailable, StorageFull: as :func:`translated` says.
    """
    with translated():
        _waiting[pool] += 1
        try:
            connection = await pool.acquire(timeout=patience_s)
        finally:
            _waiting[pool] -= 1
        watchdog = Watchdog(connection, patience_s)
        try:
            yield connection, watchdog
        except asyncio.CancelledError:
            connection.terminate()  # who gave up does not wait for the server to hear of it
            raise
        finally:
            # By then its user has what was asked: one that is lost on its way back is nobody's trouble, and
            # one that is slow is not waited for by who has no more patience.
            returning = asyncio.create_task(pool.release(connection))
            returning.add_done_callback(watchdog.rest)
            await asyncio.wait({returning})


@asynccontextmanager
async def connected(
    pool: asyncpg.Pool, *, patience_s: float = PATIENCE_S
) -> AsyncIterator[asyncpg.Connection]:
    """One of *pool* for a moment; it is cut, and its user told, if that takes longer than *patience_s*.

    Raises:
        Unavailable, StorageFull: as :func:`translated` says.
    """
    async with watched(pool, patience_s) as (connection, _):
        yield connection


def state_of(pool: asyncpg.Pool) -> PoolState:
    """How the connections of *pool* are used."""
    return PoolState(size=pool.get_size(), idle=pool.get_idle_size(), waiting=_waiting[pool])


async def ping(pool: asyncpg.Pool) -> None:
    """Return when the server answers.

    Raises:
        Unavailable: it does not.
    """
    async with connected(pool) as connection:
        await connection.fetchval("select 1")
