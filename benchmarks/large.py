"""Trips beyond memory: reading, cleaning, features and trees, beside pandas and scikit-learn doing the same.

Each step runs in a process of its own, whose peak memory is what the system says of it at its end. It reads
a folder of parquet files, one a month, of trips that nobody took; writing them is not measured. Trees are
grown by our recipe from all trips but the held-out ones; the peer's have as many leaves and learn as fast.

    python benchmarks/large.py [--trips 10000000 50000000] [--peer-trips 10000000] [--trees 100]

The folder (--folder) needs about 400 bytes for each of the largest number of trips.
"""

import argparse
import asyncio
import json
import resource
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

from pyarrow import parquet
from rivals import PEERS, peer_python

from taxi_predictor.adapters.disk.scratch import DiskTripScratch
from taxi_predictor.adapters.lightgbm.growing import grow_in_stages, stages_of
from taxi_predictor.adapters.lightgbm.recipe import CENTRE_RECIPE
from taxi_predictor.adapters.lightgbm.rows import TrainingRows
from taxi_predictor.adapters.lightgbm.trainer import LightgbmTrainer
from taxi_predictor.adapters.memory.progress import MemoryProgress
from taxi_predictor.adapters.sources.files import FileSource
from taxi_predictor.adapters.sources.simulation import Simulation
from taxi_predictor.adapters.system.clock import SystemClock
from taxi_predictor.apps.cities import load_city
from taxi_predictor.domain.split import TimeSplit
from taxi_predictor.ports.inbound.learning.fitting import training_data
from taxi_predictor.ports.outbound.engine import TrainingData

CITY = load_city("new-york")
MONTHS = 10
STEPS = {
    "features": "read, clean, features",
    "trees": "the same, and trees",
    "model": "the same, and a whole model",
}
MOST_BYTES = 60.0


def write_trips(folder: Path, trips: int) -> None:
    simulation = Simulation(city=CITY, trips=trips, months=MONTHS)
    folder.mkdir(parents=True)
    for month, _ in simulation.rows_by_month():
        file = None
        for frame in simulation.frames(month):
            rows = frame.to_arrow()
            if file is None:
                file = parquet.ParquetWriter(folder / f"trips_{month:%Y-%m}.parquet", rows.schema)
            file.write_table(rows)
        if file is not None:
            file.close()


@asynccontextmanager
async def data_of(folder: Path, scratch: DiskTripScratch) -> AsyncIterator[TrainingData]:
    """The believable trips of *folder*, those to learn from."""
    async with scratch.store() as trips:
        for part in await FileSource(folder, city=CITY, zones=None).parts():
            await trips.add(part.name, part.batches())
        split = TimeSplit.choose(await trips.days(CITY.time_zone, None), tz=CITY.tz)
        reading = training_data(trips, CITY, split, scratch=scratch, progress=MemoryProgress())
        async with reading as data:
            yield data


async def do(step: str, folder: Path, trees: int) -> Mapping[str, float]:
    """Seconds until the features are there and in all, and the peak of this process."""
    began_s = perf_counter()
    with TemporaryDirectory(prefix="scratch-", dir=folder.parent) as room:
        async with data_of(folder, DiskTripScratch(Path(room))) as data:
            read_s = perf_counter() - began_s
            await asyncio.to_thread(learn, step, data, Path(room), trees)
    return {
        "trips": data.trips,
        "read_s": read_s,
        "seconds": perf_counter() - began_s,
        "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }


def learn(step: str, data: TrainingData, room: Path, trees: int) -> None:
    if step == "model":
        trainer = LightgbmTrainer(clock=SystemClock(), scratch=room, max_rounds=trees)
        with TemporaryDirectory() as folder:
            asyncio.run(trainer.fit(data, Path(folder), progress=MemoryProgress()))
        return
    with TrainingRows.of(data, lambda _: None, folder=room) as rows:
        if step == "trees":
            grow_in_stages(
                CENTRE_RECIPE,
                rows.all,
                names=rows.names,
                seed=1,
                rounds=trees,
                stages=stages_of(len(rows)),
                advance=lambda _: None,
            )


def measured(command: list[str | Path], what: str, trips: int) -> Mapping[str, float] | None:
    """What the process *command* says of itself, shown; None where it did not come to its end."""
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or [f"it was ended by signal {-done.returncode}"]
        print(f"{trips:>12,} trips  {what:<34} failed: {last[0]}", flush=True)
        return None
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    print(
        f"{trips:>12,} trips  {what:<34} {trips / found['seconds']:>9,.0f} rows/s"
        f"  {found['seconds']:>7,.0f} s  peak {found['peak_bytes'] / 2**20:>7,.0f} MB",
        flush=True,
    )
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--trips", type=int, nargs="+", default=[10_000_000, 50_000_000])
    parser.add_argument("--peer-trips", type=int, default=10_000_000, help="the most that pandas is given")
    parser.add_argument("--trees", type=int, default=100, help="of each, or at most of a whole model")
    parser.add_argument("--steps", nargs="+", choices=STEPS, default=list(STEPS))
    parser.add_argument("--folder", type=Path, help="where there is room")
    parser.add_argument("--step", choices=STEPS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step:
        print(json.dumps(asyncio.run(do(options.step, options.folder, options.trees))))
        return
    found: dict[str, list[Mapping[str, float]]] = {step: [] for step in options.steps}
    for trips in sorted(set(options.trips)):
        with TemporaryDirectory(prefix="taxi-large-", dir=options.folder) as room:
            folder = Path(room) / "trips"
            write_trips(folder, trips)
            for step in options.steps:
                command: list[str | Path] = [sys.executable, __file__, "--step", step, "--folder", folder]
                command += ["--trees", str(options.trees)]
                if (one := measured(command, STEPS[step], trips)) is not None:
                    found[step].append(one)
            if trips <= options.peer_trips:
                peer: list[str | Path] = [
                    peer_python(),
                    PEERS / "pandas_sklearn.py",
                    folder,
                    str(options.trees),
                ]
                measured(peer, "pandas + scikit-learn, and trees", trips)
    for step, runs in found.items():
        for less, more in pairwise(runs):
            each = (more["peak_bytes"] - less["peak_bytes"]) / (more["trips"] - less["trips"])
            fixed_mb = (less["peak_bytes"] - each * less["trips"]) / 2**20
            verdict = "reached" if each <= MOST_BYTES else "MISSED"
            print(
                f"{STEPS[step]}: {each:.1f} bytes for each trip beside {fixed_mb:,.0f} MB,"
                f" goal {MOST_BYTES:.0f} {verdict}"
            )


if __name__ == "__main__":
    main()
