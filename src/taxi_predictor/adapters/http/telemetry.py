"""What telemetry is told of every request, known paths or not."""

from time import perf_counter
from typing import Any

from litestar import Litestar
from litestar.types import Message, Receive, Scope, Send
from litestar.types.asgi_types import LifeSpanReceive, LifeSpanScope, LifeSpanSend

from taxi_predictor.domain.errors import TaxiPredictorError
from taxi_predictor.ports.outbound.telemetry import Telemetry

__all__ = ["TimedLitestar", "tell_answered", "tell_refused"]

UNKNOWN = "unknown"
"""Instead of what anybody may make up: a path that there is not, a method that HTTP does not have."""

METHODS = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})
_STATE_KEY = "taxi_predictor_came_at"


class TimedLitestar(Litestar):
    """Notes when a request comes, before anything is done for it: Litestar has no hook so early."""

    async def __call__(
        self,
        scope: Scope | LifeSpanScope,
        receive: Receive | LifeSpanReceive,
        send: Send | LifeSpanSend,
    ) -> None:
        if scope["type"] != "lifespan":
            scope.setdefault("state", {})[_STATE_KEY] = perf_counter()
        await super().__call__(scope, receive, send)


async def tell_answered(message: Message, scope: Scope) -> None:
    """Count a request when its answer begins: whoever has the answer finds it in the figures."""
    if message["type"] == "http.response.start":
        method = str(scope.get("method"))
        _telemetry(scope).answered(
            method=method if method in METHODS else UNKNOWN,
            route=scope.get("path_template") or UNKNOWN,
            status=message["status"],
            elapsed_s=perf_counter() - scope["state"][_STATE_KEY],
        )


async def tell_refused(error: Exception, scope: Scope) -> None:
    if isinstance(error, TaxiPredictorError):
        _telemetry(scope).refused(reason=error.slug)


def _telemetry(scope: Any) -> Telemetry:
    telemetry: Telemetry = scope["litestar_app"].state.hexagon.telemetry
    return telemetry
