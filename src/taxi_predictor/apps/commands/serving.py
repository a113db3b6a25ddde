"""The serve command."""

import os
import sys
from itertools import chain
from typing import Literal, NoReturn

from taxi_predictor.apps.commands.session import ERR, opened
from taxi_predictor.apps.settings import Settings, load_settings
from taxi_predictor.domain.errors import NoChampion, TaxiPredictorError

__all__ = ["serve"]


async def serve(what: Literal["api"] = "api", /) -> None:
    """Serve the HTTP API until interrupted.

    Address, port and workers come from TAXI_API_HOST, TAXI_API_PORT and TAXI_API_WORKERS.

    Parameters
    ----------
    what
        The face to serve.
    """
    settings = load_settings()
    async with opened(settings) as container:
        try:
            container.outbound.shelf.champion()
        except TaxiPredictorError:
            try:
                model = await container.lifecycle.sync()
                ERR.print(f"[dim]version {model.version} fetched from the registry[/dim]")
            except NoChampion as error:
                ERR.print(f"[yellow]not ready yet: {error}[/yellow]")
    _become_server(settings)


def _become_server(settings: Settings) -> NoReturn:
    """Replace this process by the server's, which forks its workers.

    A process that has trees and frames loaded must not fork: their threads do not come along, and
    the worker waits for them for ever.
    """
    url = f"http://{settings.api_host}:{settings.api_port}"
    ERR.print(f"Serving [bold]{url}[/bold], explained at {url}/schema", highlight=False)
    options = {
        "--interface": "asgi",
        "--host": settings.api_host,
        "--port": str(settings.api_port),
        "--workers": str(settings.api_workers),
        "--log-level": "warning",
    }
    command = [sys.executable, "-m", "granian", "--factory", "--no-ws", *chain.from_iterable(options.items())]
    os.execv(sys.executable, [*command, "taxi_predictor.apps.api:create"])  # noqa: S606 # no shell is wanted
