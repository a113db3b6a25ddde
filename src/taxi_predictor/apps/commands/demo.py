"""The demo: from nothing to an answered prediction, on real trips where they can be had."""

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from shutil import which
from typing import TYPE_CHECKING, Annotated

import msgspec
from cyclopts import Parameter
from rich.markup import escape
from rich.panel import Panel

from taxi_predictor.apps.commands.output import ERR, OUT
from taxi_predictor.apps.commands.serving import dashboard_command, monitor_command, server_command
from taxi_predictor.apps.commands.session import opened, show_scores
from taxi_predictor.apps.commands.trips import ensure_zones
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
    MissingSource,
    NoChampion,
    NoZones,
    Unavailable,
    UnreadableSource,
)
from taxi_predictor.domain.place import Point
from taxi_predictor.ports.inbound.trips.intake import IngestReport

if TYPE_CHECKING:
    import httpx

__all__ = ["demo", "example_body"]

SIMULATED = "simulation:"
TLC_ZONES = "tlc:"
MONTHS = 2
PUBLICATION_LAG_MONTHS = 2
SEARCH_MONTHS = 4
READY_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 10.0
MONITOR_EVERY_S = "15"
"""Whoever tries something out wants to see soon what comes of it."""


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
    refuse_taken_ports(settings)
    if serve:
        refuse_taken_dashboard_port(settings)
        refuse_taken_monitor_port(settings)
    async with opened(settings) as container:
        await _prepare(container, trips, zones)
        served = [await _started(server_command())]
        try:
            await _ask(container, settings)
            if not serve:
                OUT.print("Served for that one question; without --no-serve it goes on")
            else:
                served += [await _started(dashboard_command()), await _started(monitor_command())]
                OUT.print(f"Dashboard {settings.dashboard_url}", markup=False, highlight=False)
                ERR.print("Serving until Ctrl-C.")
                await served[0].wait()
        finally:
            await asyncio.gather(*map(_stop, served))


async def _started(command: Sequence[str]) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *command,
        env={"TAXI_MONITOR_EVERY_S": MONITOR_EVERY_S, **os.environ, "TAXI_API_OPEN_PREDICT": "true"},
        start_new_session=True,  # so that a Ctrl-C does not reach it twice
    )


async def _stop(server: asyncio.subprocess.Process) -> None:
    if server.returncode is None:
        server.send_signal(signal.SIGINT)
        try:
            await asyncio.wait_for(server.wait(), timeout=STOP_TIMEOUT_S)
        except TimeoutError:
            server.send_signal(signal.SIGINT)  # the second one waits for nobody
            await server.wait()


async def _prepare(container: Container, trips: str | None, zones: str | None) -> None:
    """Have a champion: the one of an earlier run, or a new one where there are new trips."""
    has_champion = _has_champion(container)
    if has_champion and trips is None:
        return
    sources = [trips] if trips else await _recent_trips(container)
    await ensure_zones(container, zones)
    added = 0
    for source in sources:
        report = await _ingest(container, source)
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


async def _ingest(container: Container, source: str) -> IngestReport:
    try:
        return await container.intake.ingest(source)
    except NoZones:
        await ensure_zones(container, TLC_ZONES)
        return await container.intake.ingest(source)


def _has_champion(container: Container) -> bool:
    try:
        container.outbound.shelf.champion()
    except NoChampion:
        return False
    return True


async def _recent_trips(container: Container) -> Sequence[str]:
    """The newest published months of green taxi trips, or the simulated city."""
    today = datetime.now(UTC).date()
    try:
        await ensure_zones(container, TLC_ZONES)
        for lag in range(PUBLICATION_LAG_MONTHS + 1, PUBLICATION_LAG_MONTHS + 1 + SEARCH_MONTHS):
            first, last = _months_before(today, lag + MONTHS - 1), _months_before(today, lag)
            source = f"tlc:green:{first:%Y-%m}..{last:%Y-%m}"
            with suppress(MissingSource):
                await container.intake.parts(source)
                return [source]
    except (Unavailable, UnreadableSource, MissingSource) as error:
        ERR.print(f"[yellow]{escape(str(error))}[/yellow]")
    OUT.print(
        Panel(
            "The TLC's trips can't be had from here, so this demo uses a [bold]simulated city[/bold]:"
            " nobody took these trips. For real ones: make demo TRIPS=FILE",
            border_style="yellow",
        )
    )
    return [SIMULATED]


def _months_before(day: date, months: int) -> date:
    number = day.year * 12 + day.month - 1 - months
    return date(number // 12, number % 12 + 1, 1)


def _command() -> str:
    """How one calls it from here: `make demo` activates no environment."""
    return (
        "taxi-predictor"
        if which("taxi-predictor")
        else os.path.relpath(Path(sys.executable).with_name("taxi-predictor"))
    )


async def _ask(container: Container, settings: Settings) -> None:
    """Ask the served API for one trip, and show request and answer."""
    import httpx  # late: no other command needs it

    url = settings.api_url
    body = example_body(container)
    async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
        await _wait_until_ready(client)
        answer = await client.post("/v1/predictions", json=body)
    shown = msgspec.json.format(answer.content, indent=2).decode()
    manifest = container.outbound.shelf.champion().model.manifest
    OUT.print()
    data = msgspec.json.encode(body).decode()
    curl = f"curl -s {url}/v1/predictions -H 'content-type: application/json' -d '{data}'"
    OUT.print(f"$ {curl}", markup=False, highlight=False, soft_wrap=True)
    OUT.print_json(shown)
    if manifest.is_simulated:
        OUT.print("[yellow]Learned from simulated trips: a look at the machinery, not at a city.[/yellow]")
    OUT.print(
        f"\nAPI docs  {url}/schema\nHealth    {url}/health\nMetrics   http://{settings.metrics_address}/metrics\n"
        f"Keys      none are asked for while the demo runs, of whoever can reach {settings.api_address}\n"
        f"Next      {_command()} trips | models | evaluate stored | predict --help",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )
    if answer.is_error:
        raise Unavailable(f"the API answered {answer.status_code}")


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


async def _wait_until_ready(client: "httpx.AsyncClient") -> None:
    import httpx

    deadline = asyncio.get_running_loop().time() + READY_TIMEOUT_S
    trouble = "it did not listen"
    while asyncio.get_running_loop().time() < deadline:
        with suppress(httpx.TransportError):
            answer = await client.get("/health/ready")
            if answer.is_success:
                return
            trouble = answer.text
        await asyncio.sleep(0.1)
    raise Unavailable(f"the API was not ready within {READY_TIMEOUT_S:.0f} s: {trouble}")
