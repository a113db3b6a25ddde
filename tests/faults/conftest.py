"""A home and a migrated database for each test."""

from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from faults.commands import Home, empty_database


@pytest.fixture
async def home(tmp_path: Path) -> AsyncIterator[Home]:
    async with empty_database() as dsn:
        yield Home(folder=tmp_path, dsn=dsn)


@pytest.fixture
async def database(home: Home) -> AsyncIterator[asyncpg.Pool]:
    """The database of the home, to look into it; not as one of :data:`faults.commands.OURS`."""
    assert home.dsn is not None
    async with asyncpg.create_pool(home.dsn, min_size=0, max_size=4) as pool:
        yield pool
