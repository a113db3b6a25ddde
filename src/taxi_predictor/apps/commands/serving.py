"""The serve command."""

import os
import socket
import sys
from itertools import chain
from typing import Literal

from taxi_predictor.apps.commands.output import ERR
from taxi_predictor.apps.commands.session import opened
from taxi_predictor.apps.settings import Settings, load_settings
from taxi_predictor.domain.errors import NoChampion, TaxiPredictorError, Unavailable

__all__ = ["refuse_taken_port", "serve", "server_command"]


async def serve(what: Literal["api"] = "api", /) -> None:
    """Serve the HTTP API until interrupted.

    Address, port and workers come from TAXI_API_HOST, TAXI_API_PORT and TAXI_API_WORKERS.

    Parameters
    ----------
    what
        The face to serve.
    """
    settings = load_settings()
    refuse_taken_port(settings)
    async with opened(settings) as container:
        try:
            container.outbound.shelf.champion()
        except TaxiPredictorError:
            try:
                model = await container.lifecycle.sync()
                ERR.print(f"[dim]version {model.version} fetched from the registry[/dim]")
            except NoChampion as error:
                ERR.print(f"[yellow]not ready yet: {error}[/yellow]")
    url = settings.api_url
    ERR.print(f"Serving {url}, explained at {url}/schema", style="bold", markup=False, highlight=False)
    command = server_command(settings)
    os.execv(command[0], command)  # noqa: S606 # no shell is wanted


def server_command(settings: Settings) -> list[str]:
    """The command line of the server, a process of its own that forks its workers.

    A process that has trees and frames loaded must not fork: their threads do not come along, and
    the worker waits for them for ever.
    """
    options = {
        "--interface": "asgi",
        "--host": settings.api_host,
        "--port": str(settings.api_port),
        "--workers": str(settings.api_workers),
        "--log-level": "warning",
    }
    server = [sys.executable, "-m", "granian", "--factory", "--no-ws", "--respawn-failed-workers"]
    return [*server, *chain.from_iterable(options.items()), "taxi_predictor.apps.api:create"]


def refuse_taken_port(settings: Settings) -> None:
    """Find out now whether the address can be had: another server may be answering there.

    Raises:
        Unavailable: it is taken, or not of this machine.
    """
    address = (settings.api_host, settings.api_port)
    try:
        with socket.create_server(address, family=_family(settings.api_host)):
            pass
    except OSError as error:
        raise Unavailable(
            f"{settings.api_address} cannot be served: {error.strerror or error}; choose another"
            " TAXI_API_PORT, or stop what is there"
        ) from error


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET
