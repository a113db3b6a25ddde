"""What keeping costs: bytes, log and time of predictions, outcomes and trips in a real PostgreSQL."""

import argparse
import asyncio
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import aclosing, contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Thread
from typing import TypeVar

import asyncpg
from answering import of_table, wal_position
from ingest import ingest, write_trips
from machine import ran_s

from taxi_predictor.adapters.disk.scratch import DiskTripScratch
from taxi_predictor.adapters.lightgbm.trainer import LightgbmTrainer
from taxi_predictor.adapters.memory.clock import MemoryClock
from taxi_predictor.adapters.memory.progress import MemoryProgress
from taxi_predictor.adapters.postgres.outcomes import PostgresOutcomeLog
from taxi_predictor.adapters.postgres.pool import open_pool
from taxi_predictor.adapters.postgres.predictions import PostgresPredictionLog
from taxi_predictor.adapters.postgres.trips import PostgresTripStore
from taxi_predictor.apps.cities import load_city
from taxi_predictor.domain.prediction_id import new_prediction_id
from taxi_predictor.domain.record import Outcome, PredictionRecord
from taxi_predictor.domain.split import TimeSplit
from taxi_predictor.ports.inbound.learning.fitting import training_data
from taxi_predictor.ports.outbound.predictions import PredictionLog

__all__ = ["keeping"]

T = TypeVar("T")

CITY = load_city("new-york")
ROWS, GROUP = 20_000, 500
"""So many predictions and outcomes, in groups as they are shipped."""
SMALL_TREES = {"num_leaves": 15, "learning_rate": 0.3}
"""What it takes goes by the trips, not by the trees; time does not."""
LOOK_EVERY_S = 0.05


async def keeping(dsn: str, *, trips: int) -> dict[str, float]:
    async with open_pool(dsn) as pool, pool.acquire() as connection:
        # A process that the server starts for each connection ends with it: count by the parent.
        postmaster = _parent_of(connection.get_server_pid())
        figures = await _logged(pool, connection, postmaster)
        return figures | await _stored(dsn, pool, connection, trips)


async def _logged(pool: asyncpg.Pool, connection: asyncpg.Connection, postmaster: int) -> dict[str, float]:
    log, outcomes = PostgresPredictionLog(pool), PostgresOutcomeLog(pool)
    sample = await _any_record(log)
    records = [replace(sample, prediction_id=new_prediction_id(datetime.now(UTC))) for _ in range(ROWS)]
    told = [
        Outcome(
            prediction_id=record.prediction_id,
            duration_s=record.duration_s,
            reported_at=datetime.now(UTC),
            owner="dispatch",
        )
        for record in records
    ]
    began_s = time.perf_counter()
    await _in_groups(records, log.add)
    copied_s = time.perf_counter() - began_s
    before = await of_table(connection, "outcomes"), await wal_position(connection)
    before_s = ran_s(postmaster)
    await _in_groups(told, outcomes.attach)
    return {
        "copy_per_s": ROWS / copied_s,
        "outcome_bytes": (await of_table(connection, "outcomes") - before[0]) / ROWS,
        "outcome_wal_bytes": (await wal_position(connection) - before[1]) / ROWS,
        "outcome_postgres_us": (ran_s(postmaster) - before_s) * 1e6 / ROWS,
    }


async def _in_groups(rows: Sequence[T], keep: Callable[[Sequence[T]], Awaitable[object]]) -> None:
    for offset in range(0, len(rows), GROUP):
        await keep(rows[offset : offset + GROUP])


async def _any_record(log: PredictionLog) -> PredictionRecord:
    """One that the service has made, as those that it will make."""
    async with aclosing(log.between(datetime.now(UTC) - timedelta(days=1), datetime.now(UTC))) as groups:
        async for records in groups:
            return records[0]
    raise SystemExit("no prediction is in the log: the service has made none")


async def _stored(
    dsn: str, pool: asyncpg.Pool, connection: asyncpg.Connection, trips: int
) -> dict[str, float]:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "trips.parquet"
        await asyncio.to_thread(write_trips, path, trips)
        before = await of_table(connection, "taxi_trips"), await wal_position(connection)
        began_s = time.perf_counter()
        added = await ingest(pool, path)
        elapsed_s = time.perf_counter() - began_s
    first, last = await connection.fetchrow(
        "select min(pickup_at), max(pickup_at) from taxi_trips where ingest_id ="
        " (select max(ingest_id) from ingests)"
    )
    figures = {
        "trip_bytes": (await of_table(connection, "taxi_trips") - before[0]) / added,
        "trip_wal_bytes": (await wal_position(connection) - before[1]) / added,
        "ingest_per_s": trips / elapsed_s,
    }
    return figures | {"scratch_bytes": await _trained(dsn, first, last)}


async def _trained(dsn: str, first: datetime, last: datetime) -> float:
    """How much disk a process of its own took for each trip that it learned from."""
    command = [sys.executable, __file__, dsn, first.isoformat(), last.isoformat()]
    done = await asyncio.to_thread(subprocess.run, command, check=True, capture_output=True, text=True)
    return float(done.stdout)


@contextmanager
def watched(folder: Path) -> Iterator[Callable[[], int]]:
    """What says how many bytes this process had at most in files of *folder*, as looked at often."""
    most, is_over = 0, Event()

    def look() -> None:
        nonlocal most
        while not is_over.wait(LOOK_EVERY_S):
            most = max(most, _size_of(folder))

    looking = Thread(target=look)
    looking.start()
    try:
        yield lambda: most
    finally:
        is_over.set()
        looking.join()


def _size_of(folder: Path) -> int:
    """Of its files, and of those that lost their names and are open still."""
    size = 0
    for file in folder.rglob("*"):
        with suppress(OSError):  # it went meanwhile
            size += file.stat().st_size
    for handle in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            name = str(handle.readlink())
            if name.startswith(str(folder)) and name.endswith(" (deleted)"):
                size += handle.stat().st_size
    return size


async def train(dsn: str, first: datetime, until: datetime) -> float:
    """How much disk it took for each trip."""
    day = timedelta(days=1)
    split = TimeSplit(fit_from=first, validate_from=until - 4 * day, held_out_from=until - day, until=until)
    with TemporaryDirectory() as name:
        folder, scratch = Path(name), Path(name) / "scratch"
        with watched(scratch) as most_bytes:
            async with (
                open_pool(dsn) as pool,
                training_data(
                    PostgresTripStore(pool),
                    CITY,
                    split,
                    scratch=DiskTripScratch(scratch),
                    progress=MemoryProgress(),
                ) as data,
            ):
                trainer = LightgbmTrainer(clock=MemoryClock(until), scratch=scratch)
                artifact = await trainer.fit(
                    replace(data, recipe=SMALL_TREES), folder, progress=MemoryProgress()
                )
            return most_bytes() / artifact.manifest.trips


def _parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def main() -> None:
    parser = argparse.ArgumentParser(
        description="Train on a window, and say how much disk that took for each trip."
    )
    parser.add_argument("dsn")
    parser.add_argument("window", nargs=2, type=datetime.fromisoformat)
    options = parser.parse_args()
    print(asyncio.run(train(options.dsn, *options.window)))


if __name__ == "__main__":
    main()
