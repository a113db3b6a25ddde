"""A reader of stored trips may leave when it likes; the connection it had is not the next one's trouble."""

import asyncio
import logging
import time
import warnings
from collections.abc import AsyncIterator
from contextlib import aclosing

import asyncpg
import pytest

from faults.commands import empty_database
from taxi_predictor.adapters.postgres.pool import open_pool
from taxi_predictor.adapters.postgres.trips import PostgresTripStore

TRIPS = 700_000  # several batches: most of the answer is still on its way when the reader leaves
FILL = """
insert into taxi_trips
select timestamptz '2024-03-01Z' + n * interval '1 second', md5(n::text)::uuid, 1,
    40.7, -73.9, null, 40.8, -73.8, null, 1, 600, null, null
from generate_series(1, $1::int) n
"""


@pytest.fixture
async def database() -> AsyncIterator[asyncpg.Pool]:
    """Many trips, and a single connection: if that one is not given back, nobody gets any."""
    async with empty_database() as dsn, open_pool(dsn, max_size=1) as pool:
        await pool.execute("select make_month('taxi_trips', '2024-03-01')")
        await pool.execute(FILL, TRIPS)
        yield pool


async def _count(store: PostgresTripStore) -> int:
    return sum([len(batch) async for batch in store.between(None, None)])


async def test_a_reader_may_leave_early(database: asyncpg.Pool, caplog: pytest.LogCaptureFixture) -> None:
    store = PostgresTripStore(database)

    async def closes() -> None:
        async with aclosing(store.between(None, None)) as batches:
            async for _ in batches:
                break

    async def forgets() -> None:
        async for _ in store.between(None, None):
            break

    async def stumbles() -> None:
        async with aclosing(store.between(None, None)) as batches:
            async for _ in batches:
                raise KeyError("of the reader")

    async def is_stopped() -> None:
        async with asyncio.timeout(1), aclosing(store.between(None, None)) as batches:
            async for _ in batches:
                await asyncio.sleep(60)

    with caplog.at_level(logging.WARNING), warnings.catch_warnings():
        warnings.simplefilter("error")
        for leave, error in (
            (closes, None),
            (forgets, None),
            (stumbles, KeyError),
            (is_stopped, TimeoutError),
        ):
            async with asyncio.timeout(10):
                begun = time.monotonic()
                if error is None:
                    await leave()
                else:
                    with pytest.raises(error):
                        await leave()
                assert await database.fetchval("select 1") == 1
                assert time.monotonic() - begun < 5
        assert await _count(store) == TRIPS
    assert caplog.records == []
