"""What is added to every answer as it begins, those for problems and unknown paths included."""

from collections.abc import Callable

from litestar.types import BeforeMessageSendHookHandler, HTTPResponseStartEvent, Message, Scope

from taxi_predictor.adapters.http.hexagon import Hexagon
from taxi_predictor.adapters.http.requests import watch_of
from taxi_predictor.ports.outbound.watch import Watch

__all__ = ["as_it_begins", "say_goodbye", "send_request_id"]

_CLOSE = (b"connection", b"close")


def as_it_begins(*deeds: Callable[[HTTPResponseStartEvent, Scope], None]) -> BeforeMessageSendHookHandler:
    """A hook that does all *deeds* to the start of an answer, in their order.

    A hook and not a middleware: Litestar runs middlewares for known routes only.
    """

    async def begin(message: Message, scope: Scope) -> None:
        if message["type"] == "http.response.start":
            for deed in deeds:
                deed(message, scope)

    return begin


def send_request_id(start: HTTPResponseStartEvent, scope: Scope) -> None:
    """Add the request's id and its times to its response."""
    watch = watch_of(scope)
    headers = [*start.get("headers", ()), (b"x-request-id", watch.request_id.encode())]
    if times := _server_timing(watch):
        headers.append((b"server-timing", times.encode()))
    if watch.traceparent is not None:
        headers.append((b"traceresponse", watch.traceparent.encode()))
    start["headers"] = headers


def say_goodbye(start: HTTPResponseStartEvent, scope: Scope) -> None:
    """Close the connection after this answer, where the service is stopping.

    A client would learn it too late otherwise: its next request could cross the closing on its way.
    """
    hexagon: Hexagon = scope["litestar_app"].state.hexagon
    if hexagon.health.is_stopping:
        start["headers"] = [*start.get("headers", ()), _CLOSE]


def _server_timing(watch: Watch) -> str:
    """How long the parts of a request took, in milliseconds (W3C Server Timing); empty: nothing was timed."""
    parts = watch.parts.items()
    return ", ".join([f"{name};dur={part.busy_s * 1000:.3f}" for name, part in parts])
