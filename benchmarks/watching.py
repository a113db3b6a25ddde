"""What it costs to be watched: CPU time of an echo with figures, traces and a line for each request.

Every server is our own application, with the same middlewares and a fixed answer; the bare one counts,
traces and logs nothing. All are asked in turn, several rounds, in one run on one machine; the figures are
medians over the rounds, the ratios medians of the rounds' ratios. Lines go to a file, spans to a
collector that is there.

    python benchmarks/watching.py [--rounds 7] [--seconds 2]
"""

import argparse
import asyncio
import os
import statistics
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
from api import CONNECTIONS, HERE, TRIP, ratio
from load import CLIENT_CORES, Target, cpu_s, flat_out, running
from rich.console import Console
from rich.progress import track
from rich.table import Table

from taxi_predictor.apps.commands.serving import server_command

FIRST_PORT = 8161
OUT = Console()
LINES = {"TAXI_ACCESS_LOG": "true", "TAXI_LOG_FORMAT": "json"}


def traces(share: str) -> Mapping[str, str]:
    return {"TAXI_TRACES_SHARE": share}


@dataclass(frozen=True, slots=True)
class Way:
    """One way to be watched."""

    name: str
    settings: Mapping[str, str]
    factory: str = "unwatched"
    goal: float | None = None
    """The ratio to the bare echo that it should not exceed."""


BARE = "echo, bare"
WAYS = (
    Way(BARE, {}),
    Way("with metrics", {}, "create"),
    Way("with 1 % traces", traces("0.01"), goal=1.3),
    Way("with 100 % traces", traces("1")),
    Way("with access log", LINES),
    Way("metrics, 1 % traces, access log", {**traces("0.01"), **LINES}, "create", goal=1.5),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=2.0)
    options = parser.parse_args()
    if (os.cpu_count() or 1) > 1:
        os.sched_setaffinity(0, CLIENT_CORES)
    with collector() as endpoint, ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="taxi-bench-")))
        servers = [
            (way, *stack.enter_context(served(way, FIRST_PORT + number, endpoint, folder)))
            for number, way in enumerate(WAYS)
        ]
        show(servers, options.rounds, options.seconds)


@contextmanager
def served(way: Way, port: int, endpoint: str, folder: Path) -> Iterator[tuple[Target, int]]:
    """What to ask, and the process that answers."""
    settings = {
        "TAXI_PROFILE": "memory",
        "TAXI_API_OPEN_PREDICT": "true",
        "TAXI_OTLP_ENDPOINT": endpoint,
        "TAXI_API_PORT": str(port),
        "PYTHONPATH": os.pathsep.join(filter(None, (str(HERE), os.environ.get("PYTHONPATH")))),
        **way.settings,
    }
    if way.factory == "unwatched":
        settings["TAXI_METRICS_PORT"] = "0"
    with running(
        [*server_command(), f"echo:{way.factory}"],
        port=port,
        ready="/health/ready",
        environ=settings,
        log=folder / f"{port}.log",
    ) as pid:
        yield Target(name=way.name, port=port, path="/echo", body=msgspec.json.encode(TRIP)), pid


@contextmanager
def collector() -> Iterator[str]:
    """One that takes everything and looks at nothing."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Sink) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


class Sink(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


def show(servers: Sequence[tuple[Way, Target, int]], rounds: int, seconds: float) -> None:
    cpu_us: dict[str, list[float]] = {way.name: [] for way, _, _ in servers}
    for number in track(range(rounds + 1), "rounds", console=OUT, transient=True):
        for way, target, pid in servers:
            before_s = cpu_s(pid)
            answers = asyncio.run(flat_out(target, connections=CONNECTIONS, seconds=seconds))
            if answers.failed or not answers.latencies_s:
                raise SystemExit(f"{way.name}: {answers.failed} of its answers were no 200")
            if number:  # the first round warms up
                cpu_us[way.name].append((cpu_s(pid) - before_s) / len(answers.latencies_s) * 1e6)
    libraries = ("litestar", "opentelemetry-sdk", "prometheus-client")
    used = ", ".join(f"{name} {version(name)}" for name in libraries)
    table = Table(title=f"{CONNECTIONS} connections, one worker; {used}")
    for name in ("", "CPU us/request", "to bare", "goal"):
        table.add_column(name, justify="left" if not name else "right")
    for way in WAYS:
        to_bare = ratio(cpu_us[way.name], cpu_us[BARE])
        goal = "" if way.goal is None else f"{way.goal} {'met' if to_bare <= way.goal else 'NOT met'}"
        table.add_row(way.name, f"{statistics.median(cpu_us[way.name]):,.0f}", f"{to_bare:.2f}", goal)
    OUT.print(table)


if __name__ == "__main__":
    main()
