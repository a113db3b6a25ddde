"""What answers behind the port against LightGBM itself, on the same trees and the same rows.

Single departures: the evaluator that serves against LightGBM's entry for single rows, and against
``Booster.predict``, asked about the centre and the spread of one row. Many rows, and a matrix of 1000 x 1000
places: against ``Booster.predict`` on the very rows that the model asks its trees about. All in turn, several
rounds, in one process with one thread each; the figures are CPU time, medians over the rounds, and the
ratios medians of the rounds' ratios.

    python benchmarks/engine.py [--home FOLDER] [--rounds 7] [--places 1000]

Without --home a model is trained on simulated trips.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from random import Random

import numpy as np
from api import trained
from matrix import AT, places
from rich.console import Console
from rich.table import Table

import lightgbm
from taxi_predictor.adapters.columns.arrays import Floats
from taxi_predictor.adapters.columns.plans import FramePlanColumns
from taxi_predictor.adapters.columns.timetable import Ask, Timetable
from taxi_predictor.adapters.lightgbm.artifact import CENTRE_FILE, SPREAD_FILE
from taxi_predictor.adapters.lightgbm.evaluators import Evaluator, asking, by_lightgbm, evaluator_of
from taxi_predictor.adapters.lightgbm.model import LightgbmLoader
from taxi_predictor.domain.place import Place
from taxi_predictor.domain.trip import PlanBatch
from taxi_predictor.ports.inbound.predicting import SLICE_TRIPS

SINGLE_ROWS, BATCH_ROWS = 2_000, 20_000
GOALS = {"one row": 4.0, "batch": 5.0, "matrix": 10.0}
OUT = Console()


def matrix_rows(champion: Path, size: int, ask: Ask) -> list[Floats]:
    """What the model asks its trees about the first slices of *size* times *size* trips.

    A slice of many is as good as all: 1000 x 1000 cells are 123 slices.
    """
    manifest = LightgbmLoader().open(champion).manifest
    asked: list[Floats] = []

    def noted(rows: Floats, threads: int) -> tuple[Floats, Floats]:
        asked.append(rows.copy())
        return ask(rows, 1)

    timetable = Timetable(manifest.city, manifest.features, manifest.residuals, noted)
    ends = [Place(point) for point in places(size)]
    table = FramePlanColumns().grid(ends, ends, [datetime.fromisoformat(AT)]).plans.table
    for offset in Random(1).sample(
        range(0, len(table), SLICE_TRIPS), k=min(4, -(-len(table) // SLICE_TRIPS))
    ):
        timetable.estimate_batch(PlanBatch(table.slice(offset, SLICE_TRIPS)), None)
    return asked


def contest(
    name: str, ours: str, rows: int, who: Mapping[str, Callable[[], object]], rounds: int, table: Table
) -> None:
    took_us: dict[str, list[float]] = {other: [] for other in who}
    for number in range(rounds + 1):
        for other, work in who.items():
            began_s = time.process_time()
            work()
            if number:  # the first round warms up
                took_us[other].append((time.process_time() - began_s) / rows * 1e6)
    best = took_us.pop(ours)
    for other, theirs in took_us.items():
        ratios = [b / a for a, b in zip(best, theirs, strict=True)]
        ratio = statistics.median(ratios)
        goal = GOALS[name] if other != "Booster.predict" or name != "one row" else 0.0
        table.add_row(
            name,
            other,
            f"{statistics.median(theirs):,.1f}",
            f"{statistics.median(best):,.1f}",
            f"{ratio:.1f} ({min(ratios):.1f}-{max(ratios):.1f})",
            f"{goal:.0f} {'reached' if ratio >= goal else 'MISSED'}" if goal else "",
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--home", type=Path, help="a home with a champion")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--places", type=int, default=1000)
    options = parser.parse_args()
    with ExitStack() as stack:
        shelf = (options.home or stack.enter_context(trained())) / "models"
        champion = shelf / (shelf / "champion").read_text().strip()
        centre, spread = (lightgbm.Booster(model_file=champion / name) for name in (CENTRE_FILE, SPREAD_FILE))
        began_s = time.perf_counter()
        served = evaluator_of(centre, spread)
        OUT.print(f"{served.name} answers; made in {time.perf_counter() - began_s:.2f} s", highlight=False)
        slices = matrix_rows(champion, options.places, served.ask)
    show(served, by_lightgbm(centre, spread), asking(centre, spread), slices, options.rounds)


def show(served: Evaluator, fast: Evaluator, predict: Ask, slices: list[Floats], rounds: int) -> None:
    rows = np.vstack(slices)
    np.random.default_rng(0).shuffle(rows)
    batch, single = rows[:BATCH_ROWS], [[row] for row in rows[:SINGLE_ROWS].tolist()]
    arrays = [np.array(row) for row in single]
    for said, expected in zip(served.ask(batch, 1), predict(batch, 1), strict=True):
        np.testing.assert_allclose(said, expected, rtol=1e-9, atol=1e-9)
    table = Table("", "against", "its CPU us/row", "ours", "times", "goal")
    contest(
        "one row",
        "ours",
        SINGLE_ROWS,
        {
            "LightGBM's single-row entry": lambda: [fast.ask_few(row) for row in single],
            "Booster.predict": lambda: [predict(row, 1) for row in arrays],
            "ours": lambda: [served.ask_few(row) for row in single],
        },
        rounds,
        table,
    )
    many: dict[str, list[Floats]] = {"batch": [batch], "matrix": slices}
    for name, pieces in many.items():
        contest(
            name,
            "ours",
            sum(map(len, pieces)),
            {
                "Booster.predict": lambda pieces=pieces: [predict(piece, 1) for piece in pieces],  # type: ignore[misc]
                "ours": lambda pieces=pieces: [served.ask(piece, 1) for piece in pieces],  # type: ignore[misc]
            },
            rounds,
            table,
        )
    OUT.print(table)


if __name__ == "__main__":
    main()
