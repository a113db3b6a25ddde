"""The serve command."""

import asyncio
import os
from typing import Literal

from rich.markup import escape

from taxi_predictor.adapters.disk.shelf import champion_folder
from taxi_predictor.adapters.process.command import command_of
from taxi_predictor.apps.cities import load_city
from taxi_predictor.apps.commands.output import ERR
from taxi_predictor.apps.contradictions import refuse_contradictions
from taxi_predictor.apps.environment import load_settings
from taxi_predictor.apps.extras import look_for, needing, stores_of
from taxi_predictor.apps.home import claim_home, models_folder
from taxi_predictor.apps.settings import Settings
from taxi_predictor.apps.taken import refuse_taken_dashboard_port, refuse_taken_ports
from taxi_predictor.domain.errors import BrokenModel, NoChampion, PromotionRefused, Unavailable

__all__ = ["dashboard_command", "monitor_command", "serve", "server_command"]

PATIENCE_S = 15.0
"""How long a start waits for the registry, which takes seconds to load."""


async def serve(what: Literal["api", "dashboard"] = "api", /) -> None:
    """Serve the HTTP API or the dashboard until interrupted; requests in flight are finished.

    Address, port and workers come from TAXI_API_HOST, TAXI_API_PORT and TAXI_API_WORKERS,
    those of the dashboard from TAXI_DASHBOARD_HOST and TAXI_DASHBOARD_PORT.

    Parameters
    ----------
    what
        The face to serve.
    """
    settings = load_settings()
    extra, stores = "serve" if what == "api" else "dashboard", stores_of(settings)
    with needing(extra, *stores):
        look_for(extra, *stores)  # the processes that need them could not say it well
    if what == "dashboard":
        await _serve_dashboard(settings)
        return
    refuse_contradictions(settings)  # the server would say so too, once in each worker and at length
    refuse_taken_ports(settings)
    if not _is_stocked(settings):
        await _stock(settings)
    url = settings.api_url
    ERR.print(f"Starting {url}, explained at {url}/schema", style="bold", markup=False, highlight=False)
    command = server_command()
    os.execv(command[0], command)  # noqa: S606 # no shell is wanted


async def _serve_dashboard(settings: Settings) -> None:
    from taxi_predictor.apps.dashboard import serve_dashboard  # late: Panel takes a second to load

    refuse_taken_dashboard_port(settings)
    ERR.print(f"Starting {settings.dashboard_url}", style="bold", markup=False, highlight=False)
    await serve_dashboard(settings)


def server_command() -> list[str]:
    """The command line of the server, a process of its own: this one has loaded too much to fork."""
    return command_of("taxi_predictor.apps.processes.server")


def dashboard_command() -> list[str]:
    """The command line of the dashboard."""
    return command_of("taxi_predictor", "serve", "dashboard")


def monitor_command() -> list[str]:
    """The command line of the monitor."""
    return command_of("taxi_predictor", "monitor")


def _is_stocked(settings: Settings) -> bool:
    """Whether a sound champion is at hand: then the half of a start is saved that opening all takes."""
    if settings.profile == "memory":
        return False
    from taxi_predictor.adapters.lightgbm.artifact import read_verified  # late: the help needs no engine

    claim_home(settings.home, load_city(settings.city))
    folder = champion_folder(models_folder(settings))
    try:
        return folder is not None and bool(read_verified(folder))
    except BrokenModel:
        return False


async def _stock(settings: Settings) -> None:
    """Fetch the champion from the registry; without one the service starts all the same."""
    from taxi_predictor.apps.commands.session import opened  # late: who has one opens nothing

    try:
        async with opened(settings) as container, asyncio.timeout(PATIENCE_S):
            model = await container.sync.sync()
            ERR.print(f"[dim]version {model.version} fetched from the registry[/dim]")
    except (NoChampion, BrokenModel, PromotionRefused, Unavailable) as error:
        ERR.print(f"[yellow]starting without a new model: {escape(str(error))}[/yellow]")
    except TimeoutError:
        ERR.print(f"[yellow]starting without a new model: no word within {PATIENCE_S:g} s[/yellow]")
