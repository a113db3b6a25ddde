"""A PostgreSQL comes up, and goes down again."""

import asyncio
import os
from pathlib import Path

from taxi_predictor.adapters.postgres.embedded import embedded_postgres


async def start() -> None:
    folder = Path(os.environ["TAXI_HOME"]) / "postgres"
    async with embedded_postgres(folder) as dsn:
        assert dsn.startswith("postgresql://"), dsn
        assert (folder / "postmaster.pid").exists()
    assert not (folder / "postmaster.pid").exists()


asyncio.run(start())
