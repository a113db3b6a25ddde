"""Scoring files against its floor: the model alone, asked for the same trips, which are in columns already.

Both run in turn in one process, several rounds, for each form of a file; the floor's share of the time is
printed: 100 % would mean that reading, judging, rounding and writing each row cost nothing.

    python benchmarks/score.py [--home FOLDER] [--rows 200000] [--rounds 3] [--memory]

Without --home a model is trained on simulated trips. With --memory `taxi-predictor score` also answers 1 and
10 million rows of CSV in fresh processes, and their peak memory is printed.
"""

import argparse
import asyncio
import os
import statistics
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
from api import trained

from taxi_predictor.adapters.sources.simulation import Simulation
from taxi_predictor.apps.cities import load_city
from taxi_predictor.apps.container import Container, open_container
from taxi_predictor.apps.settings import Settings
from taxi_predictor.domain.trip import PlanBatch
from taxi_predictor.ports.inbound.answers.predicting import SLICE_TRIPS
from taxi_predictor.ports.outbound.scoring import Reached, RowForm

CITY = load_city("new-york")
PLAN = ("pickup_at", "pickup_lat", "pickup_lon", "dropoff_lat", "dropoff_lon", "passenger_count")
MAX_GROWTH_MB = 50
"""From 1 to 10 million rows."""


def write(path: Path, form: RowForm, rows: int) -> None:
    """Simulated trips of three months that have not started; the large ones frame by frame."""
    simulation = Simulation(city=CITY, trips=rows, months=3)
    frames = (frame for month, _ in simulation.rows_by_month() for frame in simulation.frames(month))
    match form:
        case RowForm.CSV:
            with path.open("wb") as file:
                for number, frame in enumerate(frames):
                    frame.select(PLAN).write_csv(file, include_header=not number)
        case RowForm.NDJSON:
            with path.open("wb") as file:
                for frame in frames:
                    frame.select(pl.col("pickup_at").cast(pl.String), *PLAN[1:]).write_ndjson(file)
        case RowForm.PARQUET:
            pl.concat([frame.select(PLAN) for frame in frames]).write_parquet(path)


async def plans_of(container: Container, path: Path) -> list[PlanBatch]:
    rows = await container.outbound.scoring_files.rows(str(path), RowForm.PARQUET, zones=None)
    return [piece.plans async for piece in rows.pieces(Reached(), now=container.outbound.clock.now())]


def ask(container: Container, batches: Sequence[PlanBatch]) -> None:
    for batch in batches:
        for offset in range(0, len(batch), SLICE_TRIPS):
            estimate, _ = container.predictor.predict_batch(PlanBatch(batch.table.slice(offset, SLICE_TRIPS)))
            for probability in (0.5, 0.1, 0.9):
                estimate.distribution.quantile_s(probability)


async def measure(home: Path, folder: Path, rows: int, rounds: int) -> None:
    async with open_container(Settings(home=home)) as container:
        for form in RowForm:
            write(folder / f"trips.{form}", form, rows)
        batches = await plans_of(container, folder / "trips.parquet")
        ask(container, batches)  # to warm up
        for form in RowForm:
            ratios, rates = [], []
            for _ in range(rounds):
                begin = time.perf_counter()
                ask(container, batches)
                floor_s = time.perf_counter() - begin
                begin = time.perf_counter()
                scored = await container.scoring.score(
                    str(folder / f"trips.{form}"), str(folder / f"answers.{form}"), form=form
                )
                took_s = time.perf_counter() - begin
                ratios.append(floor_s / took_s)
                rates.append(scored.rows / took_s)
            print(
                f"{form:>7}: {statistics.median(rates):,.0f} rows/s,"
                f" the model alone in {statistics.median(ratios):.0%} of the time"
            )


def peak_mb(home: Path, folder: Path, rows: int) -> float:
    source, target = folder / "large.csv", folder / "large-answers.csv"
    write(source, RowForm.CSV, rows)
    command = [sys.executable, "-m", "taxi_predictor", "score", str(source), "--out", str(target)]
    begin = time.perf_counter()
    pid = os.posix_spawn(sys.executable, command, {**os.environ, "TAXI_HOME": str(home)})
    _, status, usage = os.wait4(pid, 0)
    took_s = time.perf_counter() - begin
    assert status == 0, "it failed"
    with target.open("rb") as file:
        written = sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))
    assert written == rows + 1, f"{written:,} lines for {rows:,} rows"
    size_mb = source.stat().st_size / 1e6
    mb = usage.ru_maxrss / 1024
    print(f"{rows:>11,} rows ({size_mb:,.0f} MB): {rows / took_s:,.0f} rows/s, peak memory {mb:,.0f} MB")
    return mb


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--home", type=Path, help="a home with a champion")
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--memory", action="store_true")
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="taxi-bench-")))
        home = options.home or stack.enter_context(trained())
        asyncio.run(measure(home, folder, options.rows, options.rounds))
        if options.memory:
            small_mb, large_mb = (peak_mb(home, folder, rows) for rows in (1_000_000, 10_000_000))
            verdict = "flat" if large_mb - small_mb < MAX_GROWTH_MB else "NOT FLAT"
            print(f"ten times as many rows take {large_mb - small_mb:+,.0f} MB: {verdict}")


if __name__ == "__main__":
    main()
