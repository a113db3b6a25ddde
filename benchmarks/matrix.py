"""A matrix over HTTP against the bare trees on the very same rows, and who else waits meanwhile.

The floor is ``Booster.predict`` for everything that the model asks its trees for one matrix, and the JSON
of the durations by orjson. Both use one thread and one core. CPU counts first: it is that of the
server's whole process tree against that of the floor; the ratios are medians over rounds in turn.
While a matrix of the largest size is computed, /health/live is asked every 5 ms.

    python benchmarks/matrix.py [--home FOLDER] [--rounds 5] [--seconds 1]

Without --home a model is trained on simulated trips.
"""

import argparse
import json
import os
import statistics
import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from http.client import HTTPConnection
from pathlib import Path
from random import Random

import numpy as np
import orjson
from api import trained
from load import CLIENT_CORES, cpu_s, running
from rich.console import Console
from rich.progress import track
from rich.table import Table

import lightgbm
from taxi_predictor.adapters.columns.arrays import Floats, as_column
from taxi_predictor.adapters.columns.plans import FramePlanColumns
from taxi_predictor.adapters.columns.timetable import Ask, Timetable
from taxi_predictor.adapters.lightgbm.artifact import CENTRE_FILE, SPREAD_FILE
from taxi_predictor.adapters.lightgbm.evaluators import asking
from taxi_predictor.adapters.lightgbm.model import LightgbmLoader
from taxi_predictor.apps.commands.serving import server_command
from taxi_predictor.domain.place import Place, Point
from taxi_predictor.domain.trip import PlanBatch
from taxi_predictor.ports.inbound.answers.predicting import SLICE_TRIPS

PORT = 8156
SIZES = (20, 100, 200)
GOAL, LIVE_GOAL_MS = 1.2, 50.0
AT = "2024-03-01T08:30:00-05:00"
OUT = Console()


@dataclass(frozen=True, slots=True)
class Floor:
    """What no matrix of this size can do without."""

    ask: Ask
    rows: list[Floats]
    durations_s: Floats

    def __call__(self) -> None:
        for rows in self.rows:
            self.ask(rows, 1)
        orjson.dumps(self.durations_s, option=orjson.OPT_SERIALIZE_NUMPY)


def places(size: int) -> list[Point]:
    """All over New York, always the same."""
    random = Random(size)
    return [Point(40.60 + random.random() * 0.25, -74.02 + random.random() * 0.22) for _ in range(size)]


def floor(champion: Path, points: list[Point]) -> Floor:
    """Find out what the model asks its trees about the trips between *points*."""
    manifest = LightgbmLoader().open(champion).manifest
    ask = asking(*(lightgbm.Booster(model_file=champion / name) for name in (CENTRE_FILE, SPREAD_FILE)))
    asked: list[Floats] = []

    def noted(rows: Floats, threads: int) -> tuple[Floats, Floats]:
        asked.append(rows.copy())
        return ask(rows, threads)

    timetable = Timetable(manifest.city, manifest.features, manifest.residuals, noted)
    ends = [Place(point) for point in points]
    grid = FramePlanColumns().grid(ends, ends, [datetime.fromisoformat(AT)])
    table = grid.plans.table
    medians_s = [
        timetable.estimate_batch(PlanBatch(table.slice(offset, SLICE_TRIPS)), None).distribution.median_s()
        for offset in range(0, len(table), SLICE_TRIPS)
    ]
    cells_s = grid.spread(as_column(np.concatenate([np.asarray(some) for some in medians_s])))
    return Floor(ask, asked, np.round(np.asarray(cells_s), 3).reshape(len(points), len(points)))


class Api:
    """A client that keeps its connection."""

    def __init__(self) -> None:
        self._connection = HTTPConnection("127.0.0.1", PORT, timeout=120)

    def matrix(self, points: list[Point]) -> bytes:
        body = {"origins": [{"lat": p.lat_deg, "lon": p.lon_deg} for p in points], "pickup_at": AT}
        return self._answer("POST", "/v1/matrix", json.dumps(body))

    def live(self) -> None:
        self._answer("GET", "/health/live")

    def _answer(self, method: str, path: str, body: str | None = None) -> bytes:
        self._connection.request(method, path, body, {"Content-Type": "application/json"} if body else {})
        response = self._connection.getresponse()
        answer = response.read()
        if response.status != 200:
            raise RuntimeError(f"{path} was answered {response.status}: {answer[:300]!r}")
        return answer


def measure(
    api: Api, pid: int, points: list[Point], bare: Floor, *, rounds: int, seconds: float
) -> list[str]:
    """The row of one size."""
    answer = orjson.loads(api.matrix(points))
    if not np.allclose(answer["durations_s"], bare.durations_s, atol=0.002):
        raise RuntimeError("the API answers something else than the model")
    began_s = time.perf_counter()
    bare()
    repeats = max(1, round(seconds / (time.perf_counter() - began_s)))
    cpu, wall, ours_ms, bare_ms = [], [], [], []
    for _ in track(range(rounds), f"{len(points)} x {len(points)}", console=OUT, transient=True):
        began_s, began_cpu_s = time.perf_counter(), cpu_s(pid)
        for _ in range(repeats):
            api.matrix(points)
        ours_s, ours_cpu_s = time.perf_counter() - began_s, cpu_s(pid) - began_cpu_s
        began_s, began_cpu_s = time.perf_counter(), time.process_time()
        for _ in range(repeats):
            bare()
        bare_s, bare_cpu_s = time.perf_counter() - began_s, time.process_time() - began_cpu_s
        cpu.append(ours_cpu_s / bare_cpu_s)
        wall.append(ours_s / bare_s)
        ours_ms.append(ours_cpu_s / repeats * 1000)
        bare_ms.append(bare_cpu_s / repeats * 1000)
    ratio = statistics.median(cpu)
    return [
        f"{len(points)} x {len(points)}",
        f"{statistics.median(ours_ms):,.1f}",
        f"{statistics.median(bare_ms):,.1f}",
        f"{ratio:.2f} ({min(cpu):.2f}-{max(cpu):.2f})",
        f"{statistics.median(wall):.2f}",
        "reached" if ratio <= GOAL else "MISSED",
    ]


def latencies_ms(api: Api, points: list[Point]) -> list[float]:
    """How long /health/live takes while a matrix between *points* is computed."""
    done, found = threading.Event(), []

    def watch() -> None:
        watching = Api()
        while not done.wait(0.005):
            began_s = time.perf_counter()
            watching.live()
            found.append((time.perf_counter() - began_s) * 1000)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        api.matrix(points)
    finally:
        done.set()
        watcher.join()
    return sorted(found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--home", type=Path, help="a home with a champion")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0)
    options = parser.parse_args()
    if (os.cpu_count() or 1) > 1:
        os.sched_setaffinity(0, CLIENT_CORES)
    with ExitStack() as stack:
        home = options.home or stack.enter_context(trained())
        shelf = home / "models"
        champion = shelf / (shelf / "champion").read_text().strip()
        environ = {
            "TAXI_HOME": str(home.absolute()),
            "TAXI_API_OPEN_PREDICT": "true",
            "TAXI_MODEL_SYNC_EVERY_S": "0",  # it would import MLflow in the midst of a round
            "TAXI_API_PORT": str(PORT),
            "OMP_NUM_THREADS": "1",
        }
        pid = stack.enter_context(
            running(server_command(), port=PORT, ready="/health/ready", environ=environ)
        )
        api = Api()
        table = Table("matrix", "CPU ms", "floor ms", "CPU ratio", "time ratio", f"goal {GOAL}")
        for size in SIZES:
            points = places(size)
            bare = floor(champion, points)
            row = measure(api, pid, points, bare, rounds=options.rounds, seconds=options.seconds)
            table.add_row(*row)
        OUT.print(table)
        found = latencies_ms(api, places(SIZES[-1]))
        verdict = "reached" if found[-1] <= LIVE_GOAL_MS else "MISSED"
        OUT.print(
            f"/health/live meanwhile: {len(found)} asked, median {statistics.median(found):.1f} ms,"
            f" longest {found[-1]:.1f} ms, goal {LIVE_GOAL_MS:.0f} ms {verdict}"
        )


if __name__ == "__main__":
    main()
