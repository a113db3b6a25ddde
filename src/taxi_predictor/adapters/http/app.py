"""The HTTP application, built around a way to open the hexagon."""

import logging
from collections import ChainMap
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import chain

from litestar import Litestar, Router
from litestar.config.cors import CORSConfig
from litestar.datastructures import State
from litestar.openapi.spec import OpenAPI

from taxi_predictor.adapters.http import examples, operations
from taxi_predictor.adapters.http.beginnings import as_it_begins, say_goodbye, send_request_id
from taxi_predictor.adapters.http.gate.description import describe
from taxi_predictor.adapters.http.gate.gate import Gate
from taxi_predictor.adapters.http.gate.leftovers import close_unread
from taxi_predictor.adapters.http.heads import answering_heads
from taxi_predictor.adapters.http.hexagon import OpenHexagon
from taxi_predictor.adapters.http.idempotency import Idempotency
from taxi_predictor.adapters.http.idempotency_description import describe_keys
from taxi_predictor.adapters.http.idempotency_key import KEY_HEADER, REPLAYED_HEADER
from taxi_predictor.adapters.http.inference.errors import UNROUTED_HANDLERS
from taxi_predictor.adapters.http.inference.routes import INFERENCE
from taxi_predictor.adapters.http.openapi import complete, openapi_config, show_page
from taxi_predictor.adapters.http.options import Options
from taxi_predictor.adapters.http.osrm import router as osrm
from taxi_predictor.adapters.http.queries import check_names
from taxi_predictor.adapters.http.requests import REQUEST_ID_HEADER, ApiRequest
from taxi_predictor.adapters.http.responses import ApiResponse
from taxi_predictor.adapters.http.telemetry import WatchedLitestar, tell_answered, tell_refused
from taxi_predictor.adapters.http.v1 import (
    arrivals,
    batch,
    departures,
    jobs,
    matrix,
    models,
    nearest,
    outcomes,
    predictions,
    reachable,
    stats,
)
from taxi_predictor.ports.inbound.followers import following

__all__ = ["BEGINNINGS", "EXAMPLES", "create_app"]

log = logging.getLogger(__name__)

QUESTIONS = (
    *(predictions, batch, jobs, outcomes, matrix),
    *(arrivals, departures, nearest, reachable, models, stats),
)
V1 = Router(
    "/",
    route_handlers=list(chain.from_iterable(question.ROUTES for question in QUESTIONS)),
    response_class=ApiResponse,
    before_request=check_names,
)
"""What is answered as JSON or as MessagePack."""
ROUTES = (V1, *osrm.ROUTERS, INFERENCE, *operations.ROUTES, show_page)
EXAMPLES = dict(ChainMap(*(dict(module.EXAMPLES) for module in (examples, *QUESTIONS[1:], osrm, operations))))
"""Of every body."""
BEGINNINGS = (send_request_id, close_unread, say_goodbye, tell_answered)


def create_app(open_hexagon: OpenHexagon, options: Options = Options()) -> Litestar:  # noqa: B008 # frozen
    """Build the application; what it drives is opened when the server starts and closed when it stops."""

    @asynccontextmanager
    async def opened(_: Litestar) -> AsyncIterator[None]:
        async with open_hexagon() as hexagon:
            app.state.hexagon = hexagon
            app.tracing, app.logs_access = hexagon.tracing, options.access_log
            await hexagon.gatekeeper.refresh()  # so that the first request finds the keys
            try:
                hexagon.health.warm_up()
            except Exception:  # a fault of the model: whoever asks is told, and who watches readiness
                log.exception("model.crashed")
            try:
                async with following(
                    hexagon.ladder.follow,
                    hexagon.health.follow,
                    hexagon.levelling.follow,
                    hexagon.repeats.follow,
                    hexagon.gatekeeper.follow,
                    hexagon.spooling.follow,
                    hexagon.outcome_intake.watch,
                    hexagon.job_work.follow,
                ):
                    yield
            finally:
                await hexagon.spooling.close()

    def described(document: OpenAPI) -> None:
        describe(document, app.routes, is_open=options.open_predict)
        describe_keys(document, app.routes)
        complete(document, EXAMPLES)

    app = WatchedLitestar(
        route_handlers=ROUTES,
        lifespan=[opened],
        state=State({"options": options}),
        request_class=ApiRequest,
        request_max_body_size=options.max_body_bytes,
        exception_handlers=UNROUTED_HANDLERS,
        middleware=[Gate(options), Idempotency(options)],
        cors_config=_cors(options),
        before_send=[as_it_begins(*BEGINNINGS)],
        after_exception=[tell_refused],
        openapi_config=openapi_config(described),
        # Said here, or Litestar would read them from the environment and configure logging itself.
        debug=False,
        pdb_on_exception=False,
        logging_config=None,
    )
    app.asgi_handler = answering_heads(app.asgi_handler)
    return app


def _cors(options: Options) -> CORSConfig | None:
    """What pages of the configured origins may send, and see of the answers; None: nothing at all."""
    if not options.cors_origins:
        return None
    return CORSConfig(
        allow_origins=list(options.cors_origins),
        allow_methods=["DELETE", "GET", "POST"],
        allow_headers=["Authorization", "Content-Type", KEY_HEADER, "X-Api-Key", REQUEST_ID_HEADER],
        expose_headers=["Retry-After", "Server-Timing", REPLAYED_HEADER, REQUEST_ID_HEADER],
    )
