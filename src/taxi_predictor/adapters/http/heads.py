"""HEAD on every path that answers GET: the same head, and nothing after it (RFC 9110, 9.3.2)."""

from typing import Any

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["answering_heads"]


def answering_heads(next_app: ASGIApp) -> ASGIApp:
    """*next_app*, which knows GET, and which is asked for HEAD as for GET."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await next_app(scope, receive, send)
            return
        request: Any = scope
        is_head = request["method"] == "HEAD"

        async def send_head(message: Message) -> None:
            if message["type"] == "http.response.start":
                if message["status"] in (204, 405):
                    message["headers"] = [_with_head(*header) for header in message["headers"]]
                if is_head:
                    request["method"] = "HEAD"  # for who counts answers
            elif is_head and message["type"] == "http.response.body":
                message["body"] = b""
            await send(message)

        if is_head:
            request["method"] = "GET"
        await next_app(scope, receive, send_head)

    return answer


def _with_head(name: bytes, value: bytes) -> tuple[bytes, bytes]:
    """The header, with HEAD wherever GET is named as allowed."""
    methods = value.split(b", ") if name == b"allow" else []
    if b"GET" not in methods or b"HEAD" in methods:
        return name, value
    return name, b", ".join(sorted([*methods, b"HEAD"]))
