"""The HTTP application, built around a way to open the hexagon."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from litestar import Litestar
from litestar.datastructures import State
from litestar.di import Provide

from taxi_predictor.adapters.http import operations
from taxi_predictor.adapters.http.examples import EXAMPLES
from taxi_predictor.adapters.http.hexagon import OpenHexagon
from taxi_predictor.adapters.http.openapi import complete, openapi_config
from taxi_predictor.adapters.http.options import Options
from taxi_predictor.adapters.http.problems import EXCEPTION_HANDLERS
from taxi_predictor.adapters.http.requests import ApiRequest, send_request_id
from taxi_predictor.adapters.http.v1 import predictions

__all__ = ["create_app"]

ROUTES = (*predictions.ROUTES, *operations.ROUTES)
PARTS = ("health", "matrices", "predictor")
"""What handlers may ask for by name."""


def create_app(open_hexagon: OpenHexagon, options: Options = Options()) -> Litestar:  # noqa: B008 # frozen
    """Build the application; what it drives is opened when the server starts and closed when it stops."""

    @asynccontextmanager
    async def opened(app: Litestar) -> AsyncIterator[None]:
        async with open_hexagon() as hexagon:
            app.state.hexagon = hexagon
            await hexagon.gatekeeper.refresh()  # so that the first request finds the keys
            following = asyncio.gather(hexagon.levelling.follow(), hexagon.gatekeeper.follow())
            try:
                yield
            finally:
                following.cancel()
                await asyncio.gather(following, return_exceptions=True)

    app = Litestar(
        route_handlers=ROUTES,
        lifespan=[opened],
        dependencies={name: _part(name) for name in PARTS},
        request_class=ApiRequest,
        request_max_body_size=options.max_body_bytes,
        exception_handlers=EXCEPTION_HANDLERS,
        before_send=[send_request_id],
        openapi_config=openapi_config(),
        # Said here, or Litestar would read them from the environment and configure logging itself.
        debug=False,
        pdb_on_exception=False,
        logging_config=None,
    )
    complete(app.openapi_schema, EXAMPLES)
    return app


def _part(name: str) -> Provide:
    """A part of the hexagon, for the handlers that name it."""

    def part(state: State) -> object:
        return getattr(state.hexagon, name)

    return Provide(part, sync_to_thread=False)
