"""The serve command."""

from typing import Literal

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
        # The embedded database is kept running from here for all workers.
        try:
            container.outbound.shelf.champion()
        except TaxiPredictorError:
            try:
                model = await container.lifecycle.sync()
                ERR.print(f"[dim]version {model.version} fetched from the registry[/dim]")
            except NoChampion as error:
                ERR.print(f"[yellow]not ready yet: {error}[/yellow]")
        _run_server(settings)


def _run_server(settings: Settings) -> None:
    from granian import Granian
    from granian.constants import Interfaces

    url = f"http://{settings.api_host}:{settings.api_port}"
    ERR.print(f"Serving [bold]{url}[/bold] ([link={url}/schema]{url}/schema[/link] explains it)")
    Granian(
        "taxi_predictor.apps.api:create",
        factory=True,
        address=settings.api_host,
        port=settings.api_port,
        workers=settings.api_workers,
        interface=Interfaces.ASGI,
        websockets=False,
        log_access=False,
    ).serve()
