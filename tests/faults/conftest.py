"""A home and a migrated database for each test, and one with some trips for those who only look."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import asyncpg
import pytest

from faults.commands import Home, empty_database

SMALL = "simulation:trips=2000,months=1"


@pytest.fixture
async def home(tmp_path: Path) -> AsyncIterator[Home]:
    async with empty_database() as dsn:
        yield Home(folder=tmp_path, dsn=dsn)


@pytest.fixture(scope="module")
def stocked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """It has some trips already, and nobody changes anything here."""
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        dsn = runner.run(stack.enter_async_context(empty_database()))
        home = Home(folder=tmp_path_factory.mktemp("stocked"), dsn=dsn)
        assert runner.run(home.run("ingest", SMALL)).code == 0
        yield home
        runner.run(stack.aclose())


@pytest.fixture
async def database(home: Home) -> AsyncIterator[asyncpg.Pool]:
    """The database of the home, to look into it; not as one of :data:`faults.commands.OURS`."""
    assert home.dsn is not None
    async with asyncpg.create_pool(home.dsn, min_size=0, max_size=4) as pool:
        yield pool
