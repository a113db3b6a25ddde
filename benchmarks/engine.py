"""What answers behind the port against LightGBM itself, on the same trees and the same rows.

Single departures: the evaluator that serves against LightGBM's entry for single rows, and against
``Booster.predict``, asked about the centre and the spread of one row. Many rows: against ``Booster.predict``.
The rows are those that the model asks its trees about for trips all over the city, through a week.

A matrix of 1000 x 1000 places: all that the model does for it, features and the way between the knots too,
against ``Booster.predict`` on nothing but the very rows that it asks its trees about.

All in turn, several rounds, in one process with one thread each; the figures are CPU time, medians over the
rounds, and the ratios medians of the rounds' ratios.

    python benchmarks/engine.py [--home FOLDER] [--rounds 7] [--places 1000]

Without --home a model is trained on simulated trips.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from datetime import datetime, timedelta
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
from taxi_predictor.domain.model import Manifest
from taxi_predictor.domain.place import Place
from taxi_predictor.domain.trip import PlanBatch, TripPlan
from taxi_predictor.ports.inbound.answers.predicting import SLICE_TRIPS

SINGLE_ROWS, BATCH_ROWS = 2_000, 20_000
GOALS = {"one row": 4.0, "batch": 5.0, "matrix": 10.0}
OUT = Console()


class Model:
    """What the model behind the port does for a batch, and what it asks its trees about meanwhile."""

    def __init__(self, manifest: Manifest, ask: Ask) -> None:
        self._asked: list[Floats] = []
        self._ask = ask

        def ask_and_note(rows: Floats, threads: int) -> tuple[Floats, Floats]:
            self._asked.append(rows.copy())
            return ask(rows, 1)

        city, features, residuals = manifest.city, manifest.features, manifest.residuals
        self._noting = Timetable(city, features, residuals, ask_and_note)
        self._timetable = Timetable(city, features, residuals, lambda rows, threads: ask(rows, 1))

    def rows_of(self, batches: Sequence[PlanBatch]) -> list[Floats]:
        self._asked.clear()
        for batch in batches:
            self._noting.estimate_batch(batch, None)
        return [*self._asked]

    def estimate(self, batches: Sequence[PlanBatch]) -> None:
        for batch in batches:
            self._timetable.estimate_batch(batch, None)


def matrix_slices(size: int) -> list[PlanBatch]:
    """Some of the slices in which the trips between *size* places are estimated.

    A slice of many is as good as all: 1000 x 1000 cells are 123 slices.
    """
    ends = [Place(point) for point in places(size)]
    table = FramePlanColumns().grid(ends, ends, [datetime.fromisoformat(AT)]).plans.table
    offsets = range(0, len(table), SLICE_TRIPS)
    chosen = Random(1).sample(offsets, k=min(4, len(offsets)))
    return [PlanBatch(table.slice(offset, SLICE_TRIPS)) for offset in chosen]


def trips(number: int) -> PlanBatch:
    """All over the city, through a week."""
    random = Random(2)
    ends = [Place(point) for point in places(2 * number)]
    begins = datetime.fromisoformat(AT)
    return FramePlanColumns().of(
        [
            TripPlan(pickup=pickup, dropoff=dropoff, pickup_at=begins + random.random() * timedelta(days=7))
            for pickup, dropoff in zip(ends[::2], ends[1::2], strict=True)
        ]
    )


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
        model = Model(LightgbmLoader().open(champion).manifest, served.ask)
    show(served, by_lightgbm(centre, spread), asking(centre, spread), model, options.places, options.rounds)


def show(served: Evaluator, fast: Evaluator, predict: Ask, model: Model, size: int, rounds: int) -> None:
    rows = np.vstack(model.rows_of([trips(BATCH_ROWS // 2)]))
    np.random.default_rng(0).shuffle(rows)
    batch, single = rows[:BATCH_ROWS], [[row] for row in rows[:SINGLE_ROWS].tolist()]
    arrays = [np.array(row) for row in single]
    slices = matrix_slices(size)
    pieces = model.rows_of(slices)
    for some in (batch, *pieces):
        for said, expected in zip(served.ask(some, 1), predict(some, 1), strict=True):
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
    contest(
        "batch",
        "ours",
        len(batch),
        {"Booster.predict": lambda: predict(batch, 1), "ours": lambda: served.ask(batch, 1)},
        rounds,
        table,
    )
    contest(
        "matrix",
        "ours",
        sum(map(len, pieces)),
        {
            "Booster.predict": lambda: [predict(piece, 1) for piece in pieces],
            "ours": lambda: model.estimate(slices),
        },
        rounds,
        table,
    )
    OUT.print(table)


if __name__ == "__main__":
    main()
