"""The pictures of the dashboard in docs/pictures: its pages as Chromium shows them, 1280 pixels wide.

    python benchmarks/pictures.py HOME TRIPS [--minutes 6] [--out docs/pictures]

HOME is a copy of a deployment with a champion, its trips and a zone table, such as `make demo` leaves: what
is asked here is added to it. TRIPS, a parquet file of green taxis by the TLC, are asked about as if they had
been taken within the last day, on the same weekday and at the same time, and each is reported with its real
duration, so that the page Live has something to show. It takes the minutes of asking, and one more.
"""

import argparse
import asyncio
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import cycle
from pathlib import Path
from typing import Any

import httpx
import polars as pl
from playwright.sync_api import sync_playwright

from taxi_predictor.apps.commands.demo_servers import DemoServers
from taxi_predictor.apps.commands.serving import dashboard_command, monitor_command, server_command
from taxi_predictor.apps.environment import load_settings

WIDTH, HEIGHT = 1280, 900
PAGES: Mapping[str, tuple[Mapping[str, str], int]] = {
    "predict": (
        {
            "from": "Times Sq/Theatre District",
            "to": "JFK Airport",
            "at": "2023-12-06T08:30",
            "by": "2023-12-06T10:00",
        },
        1000,
    ),
    "city": ({"last": "2023-12-31"}, 1850),
    "models": ({}, 1500),
    "live": ({}, 1500),
}
"""What each is asked for, and how tall its picture may be: it ends below a card, and cuts none."""
SETTINGS = {
    "TAXI_API_PORT": "8571",
    "TAXI_METRICS_PORT": "8572",
    "TAXI_MONITOR_PORT": "8573",
    "TAXI_DASHBOARD_PORT": "8574",
    "TAXI_MONITOR_EVERY_S": "10",
    "TAXI_OUTCOMES_EVERY_S": "20",
    "TAXI_LIVE_LEVEL_EVERY_S": "30",
}
"""Ports of its own, and everything soon enough for a few minutes."""
PER_S = 5.0
WEEK = timedelta(weeks=1)
BOTTOM = """most => {
    const boxes = [...document.querySelectorAll('main .card')].map(card => card.getBoundingClientRect());
    const clean = boxes.map(box => box.bottom).filter(
        end => !boxes.some(box => box.top < end - 1 && box.bottom > end + 1)).sort((a, b) => a - b);
    return clean.filter(end => end <= most).at(-1) ?? clean[0];
}"""
"""The lowest line that cuts no card, if there is one so far up; else the first."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A real trip, moved to the last day by whole weeks."""

    pickup_at: datetime
    duration_s: float
    from_zone: int
    to_zone: int


def trips_of_today(file: Path, now: datetime) -> list[Taken]:
    """Trips of *file* that would have ended within the day before *now*, weekdays and times kept."""
    local = pl.col("lpep_pickup_datetime").dt.replace_time_zone("America/New_York", ambiguous="earliest")
    frame = (
        pl.scan_parquet(file)
        .select(
            local.dt.convert_time_zone("UTC").alias("pickup_at"),
            (pl.col("lpep_dropoff_datetime") - pl.col("lpep_pickup_datetime"))
            .dt.total_seconds()
            .alias("duration_s"),
            *("PULocationID", "DOLocationID"),
        )
        .filter(
            pl.col("duration_s").is_between(120, 5400)
            & (pl.col("PULocationID") < 264)
            & (pl.col("DOLocationID") < 264)
            & (pl.col("PULocationID") != pl.col("DOLocationID"))
        )
        .collect()
    )
    found = []
    for pickup_at, duration_s, from_zone, to_zone in frame.iter_rows():
        moved = pickup_at + (now - pickup_at) // WEEK * WEEK
        ended_at = moved + timedelta(seconds=duration_s)
        if now - timedelta(days=1) < ended_at < now:
            found.append(Taken(moved, float(duration_s), from_zone, to_zone))
    random.Random(1).shuffle(found)
    return found


async def ask(api: str, key: str, taken: Sequence[Taken], minutes: float) -> int:
    """Ask about *taken* and report how long they took, a few in each second; how many were answered."""
    answered, until, chance = 0, time.monotonic() + minutes * 60, random.Random(2)
    headers = {"authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(base_url=api, headers=headers, trust_env=False, timeout=10) as client:
        for trip in cycle(taken):
            if time.monotonic() > until:
                break
            body = {
                "pickup": {"zone": trip.from_zone},
                "dropoff": {"zone": trip.to_zone},
                "pickup_at": trip.pickup_at.isoformat(),
            }
            answer = await client.post("/v1/predictions", json=body)
            if answer.is_success:  # a zone may have no place
                answered += 1
                name = answer.json()["prediction_id"]
                outcome = {
                    "prediction_id": name,
                    "duration_s": trip.duration_s,
                    "pickup_at": body["pickup_at"],
                }
                (await client.post("/v1/outcomes", json=outcome)).raise_for_status()
            await asyncio.sleep(chance.expovariate(PER_S))
    return answered


@contextmanager
def browsing() -> Iterator[Any]:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        sys.exit("no browser is installed: Chromium is looked for by that name")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser.new_page(
            viewport={"width": WIDTH, "height": HEIGHT}, locale="en-US", reduced_motion="reduce"
        )
        browser.close()


def take(dashboard: str, out: Path) -> None:
    """A picture of each page into *out*."""
    with browsing() as page:
        for name, (query, most) in PAGES.items():
            page.goto(f"{dashboard}/{name}?{httpx.QueryParams(query)}")
            page.wait_for_selector("body[data-ready]:not(.busy)")
            bottom = page.evaluate(BOTTOM, most)
            clip = {"x": 0, "y": 0, "width": WIDTH, "height": bottom + 16}
            page.screenshot(path=out / f"{name}.png", full_page=True, clip=clip)
            print(f"{out / name}.png, {bottom + 16:.0f} tall")


async def shown(home: Path, trips: Path, minutes: float, out: Path) -> None:
    os.environ |= {**SETTINGS, "TAXI_HOME": str(home)}
    settings = load_settings()
    program = [sys.executable, "-m", "taxi_predictor"]
    made = subprocess.run(  # noqa: ASYNC221 # nothing else goes on yet
        [*program, "keys", "create", "pictures", "--scope", "predict", "--scope", "outcomes"],
        check=True,
        capture_output=True,
        text=True,
    )
    servers = DemoServers(home / "pictures.log")
    try:
        await servers.start("API", server_command())
        await servers.answering("API", f"{settings.api_url}/health/ready")
        await servers.start("monitor", monitor_command())
        await servers.start("dashboard", dashboard_command())
        taken = await asyncio.to_thread(trips_of_today, trips, datetime.now(UTC))
        answered = await ask(settings.api_url, made.stdout.strip(), taken, minutes)
        print(f"{answered:,} of {len(taken):,} trips of the last day asked about")
        await servers.answering("dashboard", settings.dashboard_url)
        asking = asyncio.create_task(ask(settings.api_url, made.stdout.strip(), taken[answered:], 5.0))
        try:
            await asyncio.to_thread(take, settings.dashboard_url, out)
        finally:
            asking.cancel()
    finally:
        await servers.stop()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("home", type=Path)
    parser.add_argument("trips", type=Path)
    parser.add_argument("--minutes", type=float, default=6.0)
    parser.add_argument("--out", type=Path, default=Path("docs/pictures"))
    given = parser.parse_args()
    asyncio.run(shown(given.home, given.trips, given.minutes, given.out))
