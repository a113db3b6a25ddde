"""The demo: from nothing to an answered prediction, on real trips where they can be had."""

import asyncio
import os
import shlex
import sys
from datetime import datetime, time, timedelta
from pathlib import Path
from shutil import which
from typing import Annotated

import msgspec
from cyclopts import Parameter

from taxi_predictor.apps.commands.demo_servers import DemoServers
from taxi_predictor.apps.commands.demo_trips import TLC_ZONES, found_trips, refuse_mixing
from taxi_predictor.apps.commands.output import ERR, OUT
from taxi_predictor.apps.commands.scores import show_scores
from taxi_predictor.apps.commands.serving import dashboard_command, monitor_command, server_command
from taxi_predictor.apps.commands.session import opened
from taxi_predictor.apps.commands.sources import ensure_zones, refuse_sources, refuse_zones
from taxi_predictor.apps.container import Container
from taxi_predictor.apps.environment import load_settings
from taxi_predictor.apps.settings import Settings
from taxi_predictor.apps.tables import ingest_table
from taxi_predictor.apps.taken import (
    refuse_taken_dashboard_port,
    refuse_taken_monitor_port,
    refuse_taken_ports,
)
from taxi_predictor.domain.errors import (
    NoChampion,
    NoZones,
    Unavailable,
)
from taxi_predictor.domain.place import Point
from taxi_predictor.ports.inbound.trips.intake import IngestReport

__all__ = ["demo", "example_body", "tell"]


class _Said(msgspec.Struct):
    """What is read of the answer."""

    duration_s: float
    interval: dict[str, float]


async def demo(
    *,
    trips: str | None = None,
    zones: str | None = None,
    serve: Annotated[bool, Parameter(negative="--no-serve")] = True,
) -> None:
    """Ingest trips, train, judge, promote, serve, ask for one prediction over HTTP, watch, show all of it.

    A second run reuses what is there.

    Parameters
    ----------
    trips
        Any source that ingest takes [default: two recent months of green taxi trips from the TLC, or
        the simulated city where it can't be reached].
    zones
        A zone table, as in ingest [default: the TLC's own where it is needed].
    serve
        Go on serving until Ctrl-C.
    """
    settings = load_settings()
    if trips is not None:
        refuse_sources(settings, trips)
    refuse_zones(zones)
    refuse_taken_ports(settings)
    if serve:
        refuse_taken_dashboard_port(settings)
        refuse_taken_monitor_port(settings)
    async with opened(settings) as container:
        servers = DemoServers(settings.home / "demo.log")
        try:
            await _prepare(container, settings, trips, zones)
            with container.outbound.progress.step("start the API"):
                await servers.start("API", server_command())
                await servers.answering("API", f"{settings.api_url}/health/ready")
            question = await _ask(container, settings)
            if not serve:
                OUT.print("Served for that one question; without --no-serve it goes on")
                return
            with container.outbound.progress.step("start the dashboard and the monitor"):
                await servers.start("dashboard", dashboard_command())
                await servers.start("monitor", monitor_command())
                await servers.answering("dashboard", settings.dashboard_url)
            tell(settings, servers.log, question)
            await servers.until_one_ends()
        except asyncio.CancelledError:
            ERR.print("Stopping. What was stored and trained is kept: the same command goes on from there.")
            raise
        finally:
            await servers.stop()


async def _prepare(container: Container, settings: Settings, trips: str | None, zones: str | None) -> None:
    """Have a champion: the one of an earlier run, or a new one where there are new trips."""
    has_champion = _has_champion(container)
    if has_champion and trips is None:
        return
    stored = {count.family for count in await container.outbound.trips.counts()}
    if trips is not None:
        refuse_mixing(stored, trips)
    sources = [trips] if trips else await found_trips(container, settings, stored)
    await ensure_zones(container, settings, zones)
    added = 0
    for source in sources:
        report = await _ingest(container, settings, source)
        OUT.print(ingest_table(report))
        added += report.added
    if added or not has_champion:
        model = await container.training.train()
        show_scores(
            "On the held-out days", model.report.held_out, model.report.slices, model.report.baselines
        )
        verdict = model.report.verdict
        passed = f"Passed all {len(verdict.checks)} checks"
        OUT.print(passed if verdict.passed else f"Refused: {'; '.join(verdict.reasons)}", markup=False)
        if verdict.passed:
            await container.lifecycle.promote(model.version)
        elif not has_champion:
            OUT.print("It serves all the same, as the first of this demo: the journal says so")
            await container.lifecycle.promote(model.version, override="nothing else could serve the demo")


async def _ingest(container: Container, settings: Settings, source: str) -> IngestReport:
    try:
        return await container.intake.ingest(source)
    except NoZones:
        await ensure_zones(container, settings, TLC_ZONES)
        return await container.intake.ingest(source)


def _has_champion(container: Container) -> bool:
    try:
        container.outbound.shelf.champion()
    except NoChampion:
        return False
    return True


def _command() -> str:
    """How one calls it from here: `make demo` activates no environment, and may have been given a home."""
    home = os.environ.get("TAXI_HOME")
    command = (
        "taxi-predictor"
        if which("taxi-predictor")
        else os.path.relpath(Path(sys.executable).with_name("taxi-predictor"))
    )
    return f"TAXI_HOME={shlex.quote(home)} {command}" if home else command


async def _ask(container: Container, settings: Settings) -> str:
    """Ask the served API for one trip, show request and answer, and say how anybody may ask it."""
    import httpx  # late: no other command needs it

    url = settings.api_url
    body = example_body(container)
    async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
        answer = await client.post("/v1/predictions", json=body)
    shown = msgspec.json.format(answer.content, indent=2).decode()
    manifest = container.outbound.shelf.champion().model.manifest
    OUT.print()
    data = msgspec.json.encode(body).decode()
    curl = f"curl -s {url}/v1/predictions -H 'content-type: application/json' -d '{data}'"
    OUT.print(f"$ {curl}", markup=False, highlight=False, soft_wrap=True)
    OUT.print_json(shown)
    if answer.is_success:
        said = msgspec.json.decode(answer.content, type=_Said)
        low_s, high_s = said.interval["lower_s"], said.interval["upper_s"]
        OUT.print(
            f"So it takes {said.duration_s / 60:.0f} minutes; eight of ten such trips"
            f" take {low_s / 60:.0f} to {high_s / 60:.0f}.",
            highlight=False,
        )
    if manifest.is_simulated:
        OUT.print("[yellow]Learned from simulated trips: a look at the machinery, not at a city.[/yellow]")
    if answer.is_error:
        raise Unavailable(f"the API answered {answer.status_code}")
    return curl


def tell(settings: Settings, log: Path, question: str) -> None:
    """Leave on the screen all that somebody needs to go on."""
    url = settings.api_url
    OUT.print(
        f"\nDashboard {settings.dashboard_url}\n"
        f"API       {url}, explained at {url}/schema; its health is at {url}/health\n"
        f"Keys      none is needed while the demo runs: whoever reaches {settings.api_address} may ask\n"
        f"Metrics   http://{settings.metrics_address}/metrics\n"
        f"Log       {log}\n"
        f"Next      {_command()} trips | models | evaluate stored | predict --help\n"
        f"Ask       {question}\n",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )
    ERR.print("Serving until Ctrl-C.", style="bold")


def example_body(container: Container) -> dict[str, object]:
    """A trip across a third of the city, tomorrow morning."""
    bounds = container.city.bounds
    centre = bounds.centre
    airport = next(iter(container.city.airports), None)
    there = (
        airport.point
        if airport
        else Point(centre.lat_deg, centre.lon_deg + (bounds.east_deg - bounds.west_deg) / 8)
    )
    here = Point(
        round(centre.lat_deg + (bounds.north_deg - bounds.south_deg) / 16, 4), round(centre.lon_deg, 4)
    )
    today = container.predictor.now().astimezone(container.city.tz).date()
    leave = datetime.combine(today + timedelta(days=1), time(8, 30), container.city.tz)
    return {
        "pickup": {"lat": here.lat_deg, "lon": here.lon_deg},
        "dropoff": {"lat": there.lat_deg, "lon": there.lon_deg},
        "pickup_at": leave.isoformat(),
    }
