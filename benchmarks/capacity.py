"""What a prediction, a trip and a worker cost on this machine, and what any demand comes to by that.

    python benchmarks/capacity.py                              # measures, and writes docs/capacity.md
    python benchmarks/capacity.py --requests-per-s 10000       # computes, by the figures of that page
    python benchmarks/capacity.py --trips 1e9 --cores 16 --disk-gb 4000

Measured are a service as `taxi-predictor serve` starts it, with one worker on one core, a real PostgreSQL
from the wheel, whose core the client shares, and Redis where one is installed. CPU is what the kernel
counts for each process, memory the proportional set size: pages that processes share count once.

Without --home a model is trained on simulated trips; a home that is given is copied first.
"""

import argparse
import asyncio
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from costs import PAGE, Costs, costs_of, measured_table, with_section
from demand import RATES, TRIPS, Host, sections
from load import CLIENT_CORES
from machine import machine


def main() -> None:
    options = parsed()
    page = PAGE.read_text("utf-8")
    host = Host(
        cores=options.cores,
        disk_gb=options.disk_gb,
        keep_days=options.keep_days,
        reported_share=options.reported_share,
    )
    if options.again:
        PAGE.write_text(computed(page, costs_of(page)), "utf-8")
        return
    if options.requests_per_s or options.trips:
        rates, trips = options.requests_per_s or RATES, options.trips or TRIPS
        for name, lines in sections(costs_of(page), host, rates, trips).items():
            print(f"\n{name}\n", *lines, sep="\n")
        return
    with prepared(options.home) as home:
        costs = asyncio.run(measured(home, options.rounds, options.seconds, options.stored))
    PAGE.write_text(rewritten(page, costs, machine(options.note)), "utf-8")
    print(f"{PAGE} is written; `git diff` shows what moved")


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    usual = Host()
    parser.add_argument("--requests-per-s", type=float, nargs="+", help="compute what these need")
    parser.add_argument("--trips", type=float, help="compute what so many stored trips need")
    parser.add_argument("--cores", type=int, default=usual.cores, help="of each host")
    parser.add_argument("--disk-gb", type=float, default=usual.disk_gb)
    parser.add_argument("--keep-days", type=int, default=usual.keep_days, help="how long predictions stay")
    parser.add_argument("--reported-share", type=float, default=usual.reported_share, help="with an outcome")
    parser.add_argument("--again", action="store_true", help="write what follows from the page's figures")
    parser.add_argument("--home", type=Path, help="measure by the champion of this home")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--stored", type=int, default=400_000, help="trips to store and to learn from")
    parser.add_argument("--note", default="", help="what the page is to say about the machine")
    return parser.parse_args()


async def measured(home: Path, rounds: int, seconds: float, stored: int) -> Costs:
    from answering import answering  # late: whoever only computes needs none of what is measured
    from keeping import keeping

    from taxi_predictor.adapters.postgres.embedded import embedded_postgres

    if (os.cpu_count() or 1) > 1:
        os.sched_setaffinity(0, CLIENT_CORES)  # and PostgreSQL is started from here
    async with embedded_postgres(home / "postgres") as dsn:
        figures = await answering(home, dsn, rounds=rounds, seconds=seconds)
        figures |= await keeping(dsn, trips=stored)
    for name, figure in figures.items():
        print(f"{name:<24}{figure:>14,.2f}")
    return Costs(**figures)


@contextmanager
def prepared(home: Path | None) -> Iterator[Path]:
    """A home to write into: a copy of *home*, from which nobody serves meanwhile, or one of its own."""
    if home is None:
        from api import trained

        with trained() as own:
            yield own
        return
    with TemporaryDirectory(prefix="taxi-capacity-") as folder:
        subprocess.run(["cp", "-a", home, Path(folder) / "home"], check=True)
        for name in ("postmaster.pid", ".handle_pids.json"):
            (Path(folder) / "home" / "postgres" / name).unlink(missing_ok=True)
        Path(folder).chmod(0o755)  # the user of PostgreSQL goes through
        yield Path(folder) / "home"


def rewritten(page: str, costs: Costs, measured_on: str) -> str:
    """*page* with these figures, and all that follows from them."""
    page = with_section(page, "measured", [measured_on, "", *measured_table(costs)])
    return computed(page, costs_of(page))  # as they are shown: whoever computes again finds the same


def computed(page: str, costs: Costs) -> str:
    for name, lines in sections(costs, Host(), RATES, TRIPS).items():
        page = with_section(page, name, lines)
    return page


if __name__ == "__main__":
    main()
