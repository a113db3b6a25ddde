"""How clients learn, while the service stops, that their connection is about to close."""

from litestar.types import Message, Scope

from taxi_predictor.adapters.http.hexagon import Hexagon

__all__ = ["say_goodbye"]

_CLOSE = (b"connection", b"close")


async def say_goodbye(message: Message, scope: Scope) -> None:
    """Close the connection after this answer, where the service is stopping.

    A client would learn it too late otherwise: its next request could cross the closing on its way.
    """
    if message["type"] == "http.response.start":
        hexagon: Hexagon = scope["litestar_app"].state.hexagon
        if hexagon.health.is_stopping:
            message["headers"] = [*message.get("headers", ()), _CLOSE]
