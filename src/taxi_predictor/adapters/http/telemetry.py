"""What telemetry is told of every request, known paths or not."""

import logging
from time import perf_counter
from typing import Any

from litestar import Litestar
from litestar.types import HTTPResponseStartEvent, Receive, Scope, Send
from litestar.types.asgi_types import LifeSpanReceive, LifeSpanScope, LifeSpanSend

from taxi_predictor.adapters.http.gate.callers import caller_known
from taxi_predictor.adapters.http.headers import only_header_of
from taxi_predictor.adapters.http.requests import remember_watch, request_id_of, watch_of
from taxi_predictor.domain.errors import TaxiPredictorError
from taxi_predictor.ports.outbound.telemetry import Telemetry
from taxi_predictor.ports.outbound.tracing import Trace, Tracing
from taxi_predictor.ports.outbound.watch import Watch

__all__ = ["WatchedLitestar", "tell_answered", "tell_refused"]

UNKNOWN = "unknown"
"""Instead of what anybody may make up: a path that there is not, a method that HTTP does not have."""

METHODS = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})
PROBED = "/health"
"""Nobody looks into why that was slow, and it is asked all the time."""

log = logging.getLogger(__name__)


class WatchedLitestar(Litestar):
    """Notes when a request comes, before anything is done for it, and when all of its answer is sent.

    Litestar has no hook so early, and none so late.
    """

    tracing: Tracing | None = None
    """None: nobody follows requests."""
    logs_access: bool = False

    async def __call__(
        self,
        scope: Scope | LifeSpanScope,
        receive: Receive | LifeSpanReceive,
        send: Send | LifeSpanSend,
    ) -> None:
        if scope["type"] == "lifespan":
            await super().__call__(scope, receive, send)
            return
        watch = Watch(request_id_of(scope))
        trace = self._followed(scope)
        if trace is not None:
            watch.traceparent = trace.traceparent
        remember_watch(scope, watch)
        if trace is None and not self.logs_access:
            await super().__call__(scope, receive, send)
            return
        try:
            await super().__call__(scope, receive, send)
        finally:
            watch.ended_s = perf_counter()
            if watch.status is None:  # who asked is gone, and what was asked is told all the same
                _name(watch, scope)
            watch.caller = caller_known(scope)
            if trace is not None:
                trace.end(watch)
            if self.logs_access:
                _log_access(watch)

    def _followed(self, scope: Scope) -> Trace | None:
        if self.tracing is None or scope["path"].startswith(PROBED):
            return None
        given = only_header_of(scope, b"traceparent")  # of several, nobody knows whose it follows
        return self.tracing.follow(None if given is None else given.decode("latin-1"))


def tell_answered(start: HTTPResponseStartEvent, scope: Scope) -> None:
    """Count a request when its answer begins: whoever has the answer finds it in the figures."""
    watch = watch_of(scope)
    _name(watch, scope)
    watch.status = start["status"]
    _telemetry(scope).answered(
        method=watch.method, route=watch.route, status=start["status"], elapsed_s=watch.elapsed_s
    )


async def tell_refused(error: Exception, scope: Scope) -> None:
    if isinstance(error, TaxiPredictorError):
        watch_of(scope).problem = error.slug
        _telemetry(scope).refused(reason=error.slug)


def _name(watch: Watch, scope: Scope) -> None:
    """Note what was asked by names of which there are few."""
    method = str(scope.get("method"))
    watch.method = method if method in METHODS else UNKNOWN
    watch.route = scope.get("path_template") or UNKNOWN


def _log_access(watch: Watch) -> None:
    """One line that says all of a request; what was asked is not in it."""
    facts = {
        "method": watch.method,
        "route": watch.route,
        "status": watch.status,
        "duration_ms": round(watch.elapsed_s * 1000, 3),
        "caller": watch.caller,
        "problem": watch.problem,
    }
    for name, part in watch.parts.items():
        facts[f"{name}_ms"] = round(part.busy_s * 1000, 3)
    log.info("request.answered", extra={name: value for name, value in facts.items() if value is not None})


def _telemetry(scope: Any) -> Telemetry:
    telemetry: Telemetry = scope["litestar_app"].state.hexagon.telemetry
    return telemetry
