"""Archives the trips of a database, and dies at a given moment."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncGenerator
from datetime import date, datetime
from pathlib import Path
from typing import Any

from taxi_predictor.adapters.disk.archive import DiskTripArchive
from taxi_predictor.adapters.memory.clock import MemoryClock
from taxi_predictor.adapters.memory.progress import MemoryProgress
from taxi_predictor.adapters.postgres.pool import open_pool
from taxi_predictor.adapters.postgres.trips import PostgresTripStore
from taxi_predictor.domain.trip import TripBatch
from taxi_predictor.domain.trip_sum import TripSum
from taxi_predictor.ports.inbound.trips.archiving import TripArchiving


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class MortalStore(PostgresTripStore):
    moment = ""

    async def between(
        self, since: datetime | None, until: datetime | None, /, **only: Any
    ) -> AsyncGenerator[TripBatch, None]:
        async for batch in super().between(since, until, **only):
            yield batch
            if self.moment == "while it writes":
                die()

    async def drop_month(self, month: date, meant: TripSum, /) -> None:
        if self.moment == "before it drops":
            die()
        await super().drop_month(month, meant)
        if self.moment == "after it dropped":
            die()


async def main(dsn: str, folder: str, now: str, moment: str) -> None:
    async with open_pool(dsn, max_size=3) as pool:
        store = MortalStore(pool)
        store.moment = moment
        await TripArchiving(
            trips=store,
            erasure=store,
            archive=DiskTripArchive(Path(folder)),
            clock=MemoryClock(datetime.fromisoformat(now)),
            progress=MemoryProgress(),
        ).archive(keep_months=1)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
