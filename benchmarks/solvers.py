"""What a planner saves by durations that know the time: many days of deliveries, judged twice.

examples/deliveries.py plans each day by one matrix, and by one for each round; both plans are driven by the
clock. First by the durations of the service, between places all over the city. Then between taxi zones by
what real trips took that ended after all that the model has learned from: the median of the pair of zones
in the hour, drawn towards that of the pair times the usual factor of the hour where trips are few.

    python benchmarks/solvers.py [FOLDER] [--home HOME] [--days 12]

FOLDER holds real trips (see docs/accuracy.md); without --home a model learns from green trips of
February to June 2023.
"""

import argparse
import asyncio
import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from itertools import product
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import numpy as np
import polars as pl
from load import running
from rich.console import Console
from rich.progress import track
from rich.table import Table

from taxi_predictor.adapters.columns.arrays import Floats, frame
from taxi_predictor.adapters.sources.files import FileSource
from taxi_predictor.adapters.sources.zones import read_zones
from taxi_predictor.apps.cities import load_city
from taxi_predictor.apps.commands.serving import server_command
from taxi_predictor.domain.place import ZoneId, ZoneTable

sys.path.append(str(Path(__file__).parents[1] / "examples"))
import deliveries  # it stands there to be read, and is no package

PORT = 8186
LEARNED, LATER = ("02", "03", "04", "05", "06"), ("07", "08", "09", "10", "11", "12")
"""Months of 2023."""
CITY = load_city("new-york")
TRIPS_OF_A_PAIR, SHRINKAGE = 12, 10
STOPS = 60
DAY = "2023-11-14"
OUT = Console(width=120)


SHAPES = ((2, 3), (1, 5), (0, 3))
"""Hours that were promised, 0 for any time of the day; and vans, so many that nearly all stops are served."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", default=Path("../shared/data"))
    parser.add_argument("--home", type=Path, help="a home with a champion that learned from earlier trips")
    parser.add_argument("--days", type=int, default=12)
    options = parser.parse_args()
    zones = read_zones(options.folder / "zones" / "zones.csv")
    real = asyncio.run(real_trips(options.folder, zones))
    with ExitStack() as stack:
        home = options.home or stack.enter_context(trained(options.folder))
        environ = {
            "TAXI_HOME": str(home.absolute()),
            "TAXI_API_PORT": str(PORT),
            "TAXI_API_OPEN_PREDICT": "true",
            "TAXI_PREDICTION_LOG": "off",
        }
        cores = set(range(os.cpu_count() or 1))
        stack.enter_context(
            running(server_command(), port=PORT, ready="/health/ready", environ=environ, cores=cores)
        )
        show("by the service's durations", options.days, everywhere())
        show("by real trips between zones", options.days, between_zones(zones, real))


@contextmanager
def trained(folder: Path) -> Iterator[Path]:
    """A home with a champion that learned from the months before those that judge."""
    with TemporaryDirectory(prefix="taxi-solvers-") as home:
        files = [folder / "tlc" / "green" / f"green_tripdata_2023-{month}.parquet" for month in LEARNED]
        for arguments in (
            ["ingest", *map(str, files), "--zones", str(folder / "zones" / "zones.csv")],
            ["train"],
            ["promote", "--override", "a benchmark is to be run with it"],
            ["sync"],
        ):
            command = [sys.executable, "-m", "taxi_predictor", *arguments]
            subprocess.run(command, env={**os.environ, "TAXI_HOME": home}, check=True, capture_output=True)
        yield Path(home)


async def real_trips(folder: Path, zones: ZoneTable) -> pl.DataFrame:
    """Believable trips on working days of the later months: zones, the local hour and the duration."""
    found = []
    for month in LATER:
        path = folder / "tlc" / "green" / f"green_tripdata_2023-{month}.parquet"
        for part in await FileSource(path, city=CITY, zones=zones).parts():
            async for batch in part.batches():
                local = pl.col("pickup_at").dt.convert_time_zone(CITY.time_zone)
                found.append(
                    frame(batch.trips.table)
                    .filter(local.dt.weekday() <= 5)
                    .select("pickup_zone", "dropoff_zone", "duration_s", hour=local.dt.hour())
                )
    return pl.concat(found)


MakeDay = Callable[[int], tuple[Sequence[deliveries.Stop], deliveries.Clock, deliveries.Clock]]
"""By a seed: stops, the durations that both plans are made of, and those that they are driven by."""


def everywhere() -> MakeDay:
    def day(seed: int) -> tuple[Sequence[deliveries.Stop], deliveries.Clock, deliveries.Clock]:
        stops = deliveries.some_stops(STOPS, seed, 0)
        clock = deliveries.ask(f"http://127.0.0.1:{PORT}", stops, DAY)
        return stops, clock, clock

    return day


def between_zones(zones: ZoneTable, real: pl.DataFrame) -> MakeDay:
    """Stops at the centroids of zones between each two of which trips are many."""
    busy = known_zones(real)
    truth_s = hourly_s(real, busy)
    first = zones.place(busy[0]).point
    depot = (first.lat_deg, first.lon_deg)
    OUT.print(f"{len(busy)} zones, {TRIPS_OF_A_PAIR} trips and more between any two, {len(real):,} in all")

    def day(seed: int) -> tuple[Sequence[deliveries.Stop], deliveries.Clock, deliveries.Clock]:
        random = Random(seed)
        numbers = [random.randrange(len(busy)) for _ in range(STOPS)]
        stops = [
            replace(
                stop, lat_deg=zones.place(busy[n]).point.lat_deg, lon_deg=zones.place(busy[n]).point.lon_deg
            )
            for n, stop in zip(numbers, deliveries.some_stops(STOPS, seed, 0), strict=True)
        ]
        clock = deliveries.ask(f"http://127.0.0.1:{PORT}", stops, DAY, depot=depot)
        places = [0, *numbers]
        hours = np.arange(deliveries.FIRST_HOUR, deliveries.LAST_HOUR + 1)
        driven_s = truth_s[hours][:, places][:, :, places]
        driven_s[:, range(len(places)), range(len(places))] = 0
        # A median of an hour holds in its middle.
        return stops, clock, deliveries.Clock(clock.hours_s + deliveries.HOUR_S / 2, driven_s)

    return day


def known_zones(real: pl.DataFrame) -> list[ZoneId]:
    """The busiest zones that each have trips enough to and from all others."""
    counts = {
        (start, end): number
        for start, end, number in real.group_by("pickup_zone", "dropoff_zone").len().iter_rows()
    }
    by_trips = real["pickup_zone"].value_counts(sort=True)["pickup_zone"].to_list()
    chosen: list[ZoneId] = []
    for zone in map(ZoneId, by_trips[:60]):
        pairs = [*product(chosen, [zone]), *product([zone], [*chosen, zone])]
        if all(counts.get(pair, 0) >= TRIPS_OF_A_PAIR for pair in pairs):
            chosen.append(zone)
    return chosen


def hourly_s(real: pl.DataFrame, zones: Sequence[ZoneId]) -> Floats:
    """[hour][from][to]: what real trips took."""
    of_pair = ["pickup_zone", "dropoff_zone"]
    inside = real.filter(pl.col("pickup_zone").is_in(zones) & pl.col("dropoff_zone").is_in(zones))
    inside = inside.with_columns(pair_s=pl.col("duration_s").median().over(of_pair))
    usual = pl.col("duration_s") / pl.col("pair_s")
    inside = inside.with_columns(factor=usual.median().over("hour"))
    cells = inside.group_by("hour", *of_pair).agg(
        pl.len().alias("trips"),
        pl.col("duration_s").median(),
        (pl.col("pair_s").first() * pl.col("factor").first()).alias("prior_s"),
    )
    pairs = inside.group_by(of_pair).agg(pl.col("pair_s").first())
    factors = dict(inside.group_by("hour").agg(pl.col("factor").first()).iter_rows())
    number = {zone: place for place, zone in enumerate(zones)}
    found_s = np.zeros((24, len(zones), len(zones)))
    for start, end, pair_s in pairs.iter_rows():
        found_s[:, number[start], number[end]] = [pair_s * factors[hour] for hour in range(24)]
    for hour, start, end, trips, median_s, prior_s in cells.iter_rows():
        share = trips / (trips + SHRINKAGE)
        found_s[hour, number[start], number[end]] = share * median_s + (1 - share) * prior_s
    return found_s


def show(title: str, days: int, day: MakeDay) -> None:
    table = Table(title=f"{days} days of {STOPS} stops, a day's means {title}")
    for name in (
        "stops",
        "vans",
        "planned by",
        "driven, min",
        "late stops",
        "late, min",
        "unplanned",
        "saved, min",
    ):
        table.add_column(name, justify="left" if name in ("stops", "planned by") else "right")
    made = [day(seed) for seed in track(range(1, days + 1), "asking", console=OUT, transient=True)]
    for promised_h, vans in SHAPES:
        name = f"promised {promised_h} h" if promised_h else "at any time"
        became: tuple[list[deliveries.Day], list[deliveries.Day]] = ([], [])
        for seed, (places, planned, driven) in enumerate(
            track(made, name, console=OUT, transient=True), start=1
        ):
            # The same places, whatever was promised.
            windows = deliveries.some_stops(STOPS, seed, promised_h)
            stops = [
                replace(place, window_s=other.window_s) for place, other in zip(places, windows, strict=True)
            ]
            for rounds, kept in zip(deliveries.both_plans(planned, stops, vans), became, strict=True):
                kept.append(deliveries.drive(rounds, stops, driven))
        saved_min = [(a.driven_s - b.driven_s) / 60 for a, b in zip(*became, strict=True)]
        error_min = statistics.stdev(saved_min) / days**0.5
        for plan, kept in zip(("one matrix", "one for each round"), became, strict=True):
            is_second = kept is became[1]
            table.add_row(
                name,
                str(vans),
                plan,
                f"{statistics.mean(one.driven_s for one in kept) / 60:,.1f}",
                f"{statistics.mean(len(one.late_s) for one in kept):.2f}",
                f"{statistics.mean(sum(one.late_s) for one in kept) / 60:,.1f}",
                f"{statistics.mean(one.unplanned for one in kept):.2f}",
                f"{statistics.mean(saved_min):.1f} +- {error_min:.1f}" if is_second else "",
            )
    OUT.print(table)


if __name__ == "__main__":
    main()
