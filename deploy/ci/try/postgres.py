"""A database gets the schema of this package."""

import asyncio
import os
from pathlib import Path

from taxi_predictor.adapters.postgres.embedded import embedded_postgres
from taxi_predictor.adapters.postgres.migrations import migrate
from taxi_predictor.adapters.postgres.pool import open_pool


async def look() -> None:
    async with (
        embedded_postgres(Path(os.environ["TAXI_HOME"]) / "postgres") as dsn,
        open_pool(dsn, max_size=2) as pool,
    ):
        assert await migrate(pool)
        assert await pool.fetchval("select count(*) from taxi_trips") == 0


asyncio.run(look())
