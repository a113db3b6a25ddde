"""One pool of connections, and what their troubles are called in the core."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import asyncpg

from taxi_predictor.domain.errors import StorageFull, Unavailable

__all__ = ["open_pool", "ping", "translated"]

CONNECT_TIMEOUT_S = 5.0
APPLICATION = "taxi-predictor"


@contextmanager
def translated() -> Iterator[None]:
    """Turn what asyncpg raises when the server is away or full into what the ports promise."""
    try:
        yield
    except asyncpg.DiskFullError as error:
        raise StorageFull(f"the database has no room left: {error}; nothing of this was stored") from error
    except (
        OSError,
        TimeoutError,
        asyncpg.PostgresConnectionError,
        asyncpg.InterfaceError,
        asyncpg.OperatorInterventionError,
        asyncpg.InsufficientResourcesError,
        asyncpg.InvalidAuthorizationSpecificationError,
        asyncpg.InvalidCatalogNameError,
    ) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise Unavailable(f"the database does not answer: {reason[:200]}") from error
    except asyncpg.UndefinedTableError as error:
        raise Unavailable(
            f"the database has not been set up ({error}): run `taxi-predictor migrate`"
        ) from error


@asynccontextmanager
async def open_pool(dsn: str, *, max_size: int = 10) -> AsyncIterator[asyncpg.Pool]:
    """A pool on *dsn*; connections are made when first needed, so that opening it cannot fail."""
    pool = asyncpg.create_pool(
        dsn,
        min_size=0,
        max_size=max_size,
        timeout=CONNECT_TIMEOUT_S,
        server_settings={"application_name": APPLICATION, "timezone": "UTC"},
    )
    with translated():
        await pool
    try:
        yield pool
    finally:
        pool.terminate()


async def ping(pool: asyncpg.Pool) -> None:
    """Return when the server answers.

    Raises:
        Unavailable: it does not.
    """
    with translated():
        await pool.fetchval("select 1", timeout=CONNECT_TIMEOUT_S)
