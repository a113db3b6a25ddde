"""The API against an echo of the same server, and against other ways to serve the same trees.

All are asked in turn, several rounds, in one run on one machine; the figures are medians over the
rounds, the ratios medians of the rounds' ratios. CPU per request counts first: it is that of the server's
whole process tree.

    python benchmarks/api.py [--home FOLDER] [--rounds 5] [--seconds 2] [--no-peers] [--write]

Without --home a model is trained on simulated trips. What the others are, rivals.py says.
With --write the table of docs/speed.md is written anew.
"""

import argparse
import asyncio
import json
import os
import re
import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

from load import CLIENT_CORES, Answers, Target, at_rate, cpu_s, flat_out, running
from rich.console import Console
from rich.progress import track
from rich.table import Table
from rivals import Running, peer_versions, peers

from taxi_predictor.apps.commands.serving import server_command

HERE = Path(__file__).parent
PAGE = HERE.parent / "docs" / "speed.md"
WRITTEN = re.compile(r"(<!-- measured: begin .*?-->\n)(.*?)(<!-- measured: end -->)", re.DOTALL)
CONNECTIONS = 32
OURS, ECHO, BARE = "POST /v1/predictions", "echo, same middlewares", "echo, bare framework"
TRIP = {
    "pickup": {"lat": 40.7580, "lon": -73.9855},
    "dropoff": {"lat": 40.7769, "lon": -73.9493},
    "pickup_at": "2024-03-01T08:30:00-05:00",
}

OUT = Console()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--home", type=Path, help="a home with a champion")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--no-peers", action="store_true")
    parser.add_argument("--write", action="store_true", help="write docs/speed.md")
    options = parser.parse_args()
    if (os.cpu_count() or 1) > 1:
        os.sched_setaffinity(0, CLIENT_CORES)
    with ExitStack() as stack:
        home = options.home or stack.enter_context(trained())
        servers = [*stack.enter_context(our_servers(home))]
        if not options.no_peers:
            servers += stack.enter_context(peers(home))
        measured = show_throughput(servers, options.rounds, options.seconds)
        if options.write:
            write_page(measured, options.rounds, peer_versions() if len(servers) > 3 else "none")
        show_latency(servers[:2], options.rounds, options.seconds)


@contextmanager
def trained() -> Iterator[Path]:
    """A home with a champion that learned from simulated trips."""
    with TemporaryDirectory(prefix="taxi-bench-") as folder:
        command = [sys.executable, "-m", "taxi_predictor", "demo", "--no-serve", "--trips", "simulation:"]
        # Ports of its own: a demo may be running.
        own = {"TAXI_HOME": folder, "TAXI_API_PORT": "8150", "TAXI_METRICS_PORT": "0"}
        subprocess.run(command, env={**os.environ, **own}, check=True, stdout=subprocess.DEVNULL)
        yield Path(folder)


@contextmanager
def our_servers(home: Path) -> Iterator[Running]:
    environ = {
        "TAXI_HOME": str(home.absolute()),
        "TAXI_API_OPEN_PREDICT": "true",
        "TAXI_MODEL_SYNC_EVERY_S": "0",  # it would import MLflow in the midst of a round
        "PYTHONPATH": os.pathsep.join(filter(None, (str(HERE), os.environ.get("PYTHONPATH")))),
    }
    body = json.dumps(TRIP).encode()
    with ExitStack() as stack:
        pids = [
            stack.enter_context(
                running(
                    [*server_command(), f"echo:{factory}"],
                    port=port,
                    ready=ready,
                    environ={**environ, "TAXI_API_PORT": str(port)},
                )
            )
            for port, factory, ready in ((8151, "create", "/health/ready"), (8152, "bare", "/alive"))
        ]
        yield [
            (Target(name=OURS, port=8151, path="/v1/predictions", body=body), pids[0]),
            (Target(name=ECHO, port=8151, path="/echo", body=body), pids[0]),
            (Target(name=BARE, port=8152, path="/echo", body=body), pids[1]),
        ]


def show_throughput(servers: Running, rounds: int, seconds: float) -> Sequence[Sequence[str]]:
    """Print who takes how much, and return the rows: name, CPU, requests, ours to it."""
    cpu_us: dict[str, list[float]] = {target.name: [] for target, _ in servers}
    per_s: dict[str, list[float]] = {target.name: [] for target, _ in servers}
    for number in track(range(rounds + 1), "throughput", console=OUT, transient=True):
        for target, pid in servers:
            before_s = cpu_s(pid)
            answers = asyncio.run(flat_out(target, connections=CONNECTIONS, seconds=seconds))
            if answers.failed or not answers.latencies_s:
                raise SystemExit(f"{target.name}: {answers.failed} of its answers were no 200")
            if number:  # the first round warms up
                cpu_us[target.name].append((cpu_s(pid) - before_s) / len(answers.latencies_s) * 1e6)
                per_s[target.name].append(answers.per_s)
    table = Table(title=f"{CONNECTIONS} connections, one worker; {our_versions()}")
    for name in ("", "CPU us/request", "to ours", "requests/s", "ours to it"):
        table.add_column(name, justify="left" if not name else "right")
    rows = []
    for target, _ in servers:
        name = target.name
        cpu, rate = f"{statistics.median(cpu_us[name]):,.0f}", f"{statistics.median(per_s[name]):,.0f}"
        to_it = f"{ratio(per_s[OURS], per_s[name]):.2f}"
        table.add_row(name, cpu, f"{ratio(cpu_us[OURS], cpu_us[name]):.2f}", rate, to_it)
        rows.append((name, cpu, rate, to_it))
    OUT.print(table)
    if len(servers) > 3:
        OUT.print(f"peers: {peer_versions()}", highlight=False)
    return rows


def our_versions() -> str:
    return ", ".join(f"{name} {version(name)}" for name in ("litestar", "granian", "msgspec", "lightgbm"))


def write_page(rows: Sequence[Sequence[str]], rounds: int, others: str) -> None:
    """Put the table into docs/speed.md, with what it was measured of."""
    how = f"Medians of {rounds} rounds with {CONNECTIONS} connections, on {os.cpu_count()} cores."
    lines = [
        f"{how} Ours: {our_versions()}. Others: {others.strip()}.",
        "",
        "| one trip asked of | CPU, us | requests/s | ours to it |",
        "| --- | ---: | ---: | ---: |",
        *(f"| {' | '.join(row)} |" for row in rows),
    ]
    page = PAGE.read_text("utf-8")
    written = "\n".join(("", *lines, "", ""))
    PAGE.write_text(WRITTEN.sub(lambda old: f"{old[1]}{written}{old[3]}", page), "utf-8")


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """The median of the rounds' ratios."""
    return statistics.median(a / b for a, b in zip(ours, theirs, strict=True))


def show_latency(servers: Running, rounds: int, seconds: float) -> None:
    """The latencies at half of what each could answer."""
    seen: dict[str, list[Answers]] = {target.name: [] for target, _ in servers}
    for number in track(range(rounds + 1), "latency", console=OUT, transient=True):
        for target, _ in servers:
            most = asyncio.run(flat_out(target, connections=CONNECTIONS, seconds=seconds / 2)).per_s
            answers = asyncio.run(at_rate(target, per_s=most / 2, connections=CONNECTIONS, seconds=seconds))
            if number:
                seen[target.name].append(answers)
    table = Table(title="at half of its maximum rate")
    for name in ("", "p50 ms", "p99 ms", "p99 to ours"):
        table.add_column(name, justify="left" if not name else "right")
    p99_s = {name: [a.quantile_s(0.99) for a in answers] for name, answers in seen.items()}
    for name, rounds_of in seen.items():
        table.add_row(
            name,
            f"{statistics.median(a.quantile_s(0.5) for a in rounds_of) * 1000:.2f}",
            f"{statistics.median(p99_s[name]) * 1000:.2f}",
            f"{ratio(p99_s[OURS], p99_s[name]):.2f}",
        )
    OUT.print(table)


if __name__ == "__main__":
    main()
