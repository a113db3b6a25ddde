"""Ingest against its floor: a bare COPY of the same cleaned rows into the same table.

Both run in turn, several rounds, on an embedded PostgreSQL in a temporary folder. The ratio is
floor time / ingest time: 1.0 would mean that reading, cleaning, telling new trips from known ones and
keeping the rejects cost nothing.

    python benchmarks/ingest.py [--trips 1000000] [--rounds 3] [--memory]

With --memory it also ingests 1 and 10 million trips in fresh processes and prints their peak memory.
"""

import argparse
import asyncio
import resource
import statistics
import subprocess
import sys
import time
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

import asyncpg
import polars as pl

from taxi_predictor.adapters.postgres.embedded import embedded_postgres
from taxi_predictor.adapters.postgres.migrations import migrate
from taxi_predictor.adapters.postgres.pool import open_pool
from taxi_predictor.adapters.postgres.trips import STORED_TYPES, PostgresTripStore
from taxi_predictor.adapters.sources.files import FileSource
from taxi_predictor.adapters.sources.simulation import Simulation
from taxi_predictor.apps.cities import load_city

CITY = load_city("new-york")
GOAL = 0.4


def write_trips(path: Path, trips: int) -> None:
    """Simulated trips of three months as one parquet file."""
    simulation = Simulation(city=CITY, trips=trips, months=3)
    frames = [frame for month, _ in simulation.rows_by_month() for frame in simulation.frames(month)]
    pl.concat(frames).write_parquet(path)


async def ingest(pool: asyncpg.Pool, path: Path) -> int:
    store, added = PostgresTripStore(pool), 0
    for part in await FileSource(path, city=CITY, zones=None).parts():
        added += (await store.add(part.name, part.batches())).added
    return added


async def stored_rows(pool: asyncpg.Pool) -> bytes:
    """The cleaned rows as COPY takes them, in the order of the table's index."""
    rows = BytesIO()
    async with pool.acquire() as connection:
        columns = ", ".join(["ingest_id", *STORED_TYPES])
        query = f"select {columns} from taxi_trips order by pickup_at, trip_id"
        await connection.copy_from_query(query, output=rows, format="csv")
    return rows.getvalue()


async def copy(pool: asyncpg.Pool, rows: bytes) -> None:
    async with pool.acquire() as connection:
        columns = ["ingest_id", *STORED_TYPES]
        await connection.copy_to_table("taxi_trips", source=BytesIO(rows), columns=columns, format="csv")


async def measure(trips: int, rounds: int) -> None:
    with TemporaryDirectory(prefix="taxi-bench-") as folder:
        path = Path(folder) / "trips.parquet"
        write_trips(path, trips)
        async with embedded_postgres(Path(folder) / "postgres") as dsn, open_pool(dsn) as pool:
            await migrate(pool)
            added = await ingest(pool, path)  # a first run makes the partitions and warms both
            rows = await stored_rows(pool)
            ratios = []
            for number in range(1, rounds + 1):
                seconds = {}
                for name, work in (
                    ("ingest", lambda: ingest(pool, path)),
                    ("copy", lambda: copy(pool, rows)),
                ):
                    await pool.execute("truncate taxi_trips, trip_rejects, ingests")
                    await pool.execute("checkpoint")
                    begin = time.perf_counter()
                    await work()
                    seconds[name] = time.perf_counter() - begin
                ratios.append(seconds["copy"] / seconds["ingest"])
                print(
                    f"round {number}: ingest {trips / seconds['ingest']:,.0f} rows read/s,"
                    f" bare COPY {added / seconds['copy']:,.0f} rows/s, ratio {ratios[-1]:.2f}"
                )
    verdict = "reached" if statistics.median(ratios) >= GOAL else "MISSED"
    print(f"median ratio {statistics.median(ratios):.2f}, goal {GOAL} {verdict}")


async def ingest_once(trips: int) -> None:
    with TemporaryDirectory(prefix="taxi-bench-") as folder:
        path = Path(folder) / "trips.parquet"
        await asyncio.to_thread(
            subprocess.run,
            [sys.executable, __file__, "--write", str(path), "--trips", str(trips)],
            check=True,
        )
        async with embedded_postgres(Path(folder) / "postgres") as dsn, open_pool(dsn) as pool:
            await migrate(pool)
            begin = time.perf_counter()
            await ingest(pool, path)
            seconds = time.perf_counter() - begin
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{trips:>11,} trips: {trips / seconds:,.0f} rows read/s, peak memory {peak_mb:,.0f} MB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--trips", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--once", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--write", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.write:
        write_trips(options.write, options.trips)
    elif options.once:
        asyncio.run(ingest_once(options.trips))
    else:
        asyncio.run(measure(options.trips, options.rounds))
        for trips in (1_000_000, 10_000_000) if options.memory else ():
            subprocess.run([sys.executable, __file__, "--once", "--trips", str(trips)], check=True)


if __name__ == "__main__":
    main()
