"""What a shadow costs those who wait: latencies with a challenger that answers a share too, and without.

The same service twice, by TAXI_SHADOW_SHARE, asked in turn at half of its maximum rate, several rounds, in
one run on one machine. Here the service has every core, as it has where it is run, and shares the last one
with the client.

    python benchmarks/shadow.py [--home FOLDER] [--rounds 5] [--seconds 5] [--share 0.1]

Without --home a champion and a challenger are trained on simulated trips.
"""

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from api import CONNECTIONS, TRIP, ratio, trained
from load import CLIENT_CORES, Target, at_rate, cpu_s, flat_out, running
from rich.console import Console
from rich.progress import track
from rich.table import Table

from taxi_predictor.apps.commands.serving import server_command

PORTS: Mapping[str, int] = {"without": 8171, "with": 8172}
OUT = Console()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--home", type=Path, help="a home with a champion and a challenger")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--share", type=float, default=0.1)
    options = parser.parse_args()
    cores = os.sched_getaffinity(0)
    if len(cores) > 1:
        os.sched_setaffinity(0, CLIENT_CORES)
    with ExitStack() as stack:
        home = options.home or stack.enter_context(contested())
        show(stack.enter_context(served(home, options.share, cores)), options.rounds, options.seconds)


@contextmanager
def contested() -> Iterator[Path]:
    """A home with a champion and a challenger."""
    with trained() as home:
        command = [sys.executable, "-m", "taxi_predictor", "train"]
        subprocess.run(command, env={**os.environ, "TAXI_HOME": str(home)}, check=True, capture_output=True)
        yield home


@contextmanager
def served(home: Path, share: float, cores: set[int]) -> Iterator[Sequence[tuple[Target, int]]]:
    body = json.dumps(TRIP).encode()
    with ExitStack() as stack:
        # A copy for each, or the one's log would be scored while the other is asked.
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="taxi-shadow-")))
        servers = []
        for name, port in PORTS.items():
            subprocess.run(["cp", "-a", home, folder / name], check=True)
            environ = {
                "TAXI_HOME": str(folder / name),
                "TAXI_API_PORT": str(port),
                "TAXI_API_OPEN_PREDICT": "true",
                "TAXI_SHADOW_SHARE": str(share if name == "with" else 0),
            }
            pid = stack.enter_context(
                running(server_command(), port=port, ready="/health/ready", environ=environ, cores=cores)
            )
            servers.append((Target(name=name, port=port, path="/v1/predictions", body=body), pid))
        yield servers


def show(servers: Sequence[tuple[Target, int]], rounds: int, seconds: float) -> None:
    quantiles_ms: dict[tuple[str, float], list[float]] = {}
    cpu_us: dict[str, list[float]] = {name: [] for name in PORTS}
    most = asyncio.run(flat_out(servers[0][0], connections=CONNECTIONS, seconds=seconds)).per_s
    for number in track(range(rounds + 1), "latency", console=OUT, transient=True):
        for target, pid in servers:
            before_s = cpu_s(pid)
            answers = asyncio.run(at_rate(target, per_s=most / 2, connections=CONNECTIONS, seconds=seconds))
            if answers.failed:
                raise SystemExit(f"{target.name} a shadow: {answers.failed} answers were no 200")
            if number:
                cpu_us[target.name].append((cpu_s(pid) - before_s) / len(answers.latencies_s) * 1e6)
                for share in (0.5, 0.99):
                    taken_ms = quantiles_ms.setdefault((target.name, share), [])
                    taken_ms.append(answers.quantile_s(share) * 1000)
    table = Table(title=f"at {most / 2:,.0f} predictions/s, half of the maximum")
    for name in ("a shadow", "CPU us/request", "p50 ms", "p99 ms", "p99 to without"):
        table.add_column(name, justify="right" if table.columns else "left")
    for name in PORTS:
        table.add_row(
            name,
            f"{statistics.median(cpu_us[name]):,.0f}",
            f"{statistics.median(quantiles_ms[name, 0.5]):.2f}",
            f"{statistics.median(quantiles_ms[name, 0.99]):.2f}",
            f"{ratio(quantiles_ms[name, 0.99], quantiles_ms['without', 0.99]):.2f}",
        )
    OUT.print(table)


if __name__ == "__main__":
    main()
