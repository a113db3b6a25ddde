"""How clients learn, while the service stops, that their connection is about to close."""

from litestar.types import HTTPResponseStartEvent, Scope

from taxi_predictor.adapters.http.hexagon import Hexagon

__all__ = ["say_goodbye"]

_CLOSE = (b"connection", b"close")


def say_goodbye(start: HTTPResponseStartEvent, scope: Scope) -> None:
    """Close the connection after this answer, where the service is stopping.

    A client would learn it too late otherwise: its next request could cross the closing on its way.
    """
    hexagon: Hexagon = scope["litestar_app"].state.hexagon
    if hexagon.health.is_stopping:
        start["headers"] = [*start.get("headers", ()), _CLOSE]
