"""The HTTP application, built around a way to open the hexagon."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from litestar import Litestar
from litestar.config.cors import CORSConfig

from taxi_predictor.adapters.http import examples, operations
from taxi_predictor.adapters.http.gate.description import describe
from taxi_predictor.adapters.http.gate.gate import Gate
from taxi_predictor.adapters.http.gate.leftovers import close_unread
from taxi_predictor.adapters.http.hexagon import OpenHexagon
from taxi_predictor.adapters.http.openapi import complete, openapi_config
from taxi_predictor.adapters.http.options import Options
from taxi_predictor.adapters.http.problems import EXCEPTION_HANDLERS
from taxi_predictor.adapters.http.requests import REQUEST_ID_HEADER, ApiRequest, send_request_id
from taxi_predictor.adapters.http.v1 import arrivals, departures, nearest, predictions, reachable

__all__ = ["EXAMPLES", "create_app"]

ADVICE = (arrivals, departures, nearest, reachable)
ROUTES = (
    *predictions.ROUTES,
    *(route for question in ADVICE for route in question.ROUTES),
    *operations.ROUTES,
)
EXAMPLES = {
    **examples.EXAMPLES,
    **{body: some for question in ADVICE for body, some in question.EXAMPLES.items()},
}
"""Of every body."""


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
        request_class=ApiRequest,
        request_max_body_size=options.max_body_bytes,
        exception_handlers=EXCEPTION_HANDLERS,
        middleware=[Gate(options)],
        cors_config=_cors(options),
        before_send=[send_request_id, close_unread],
        openapi_config=openapi_config(),
        # Said here, or Litestar would read them from the environment and configure logging itself.
        debug=False,
        pdb_on_exception=False,
        logging_config=None,
    )
    describe(app.openapi_schema, app.routes, is_open=options.open_predict)
    complete(app.openapi_schema, EXAMPLES)
    return app


def _cors(options: Options) -> CORSConfig | None:
    """What pages of the configured origins may send, and see of the answers; None: nothing at all."""
    if not options.cors_origins:
        return None
    return CORSConfig(
        allow_origins=list(options.cors_origins),
        allow_methods=["GET", "POST"],
        allow_headers=["Authorization", "Content-Type", "Idempotency-Key", "X-Api-Key", REQUEST_ID_HEADER],
        expose_headers=["Retry-After", "Server-Timing", REQUEST_ID_HEADER],
    )
