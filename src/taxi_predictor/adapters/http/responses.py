"""A response as its client wants it: JSON, or MessagePack."""

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar, cast

import msgspec
from litestar import HttpMethod, Litestar, MediaType, Request, Response
from litestar.handlers import HTTPRouteHandler
from litestar.response.base import ASGIResponse
from litestar.serialization import default_serializer
from litestar.types import ASGIApp, Receive, Scope, Send

from taxi_predictor.adapters.http.formats import Format, wanted

__all__ = ["ApiResponse", "ApiRoute", "get", "post"]

T = TypeVar("T")

_CONTENT_TYPES = {form: form.value.encode() for form in Format}


class ApiResponse(Response[T]):
    """What would be JSON, in the format that the request accepts; problems are written as they are."""

    def to_asgi_response(self, app: None, request: Request[Any, Any, Any], **others: Any) -> ASGIResponse:  # type: ignore[override] # Litestar passes no app
        usual = self.media_type or others.get("media_type") or MediaType.JSON
        if usual != MediaType.JSON:
            return super().to_asgi_response(app, request, **others)
        more = (self.headers, self.cookies, self.background, others.get("headers"), others.get("cookies"))
        if isinstance(self.content, msgspec.Struct) and not any(more):
            status = self.status_code or others.get("status_code") or 200
            # Nobody does with it but what one does with any application.
            return cast("ASGIResponse", _plain(self.content, status, request.scope))
        self.media_type = wanted(request.scope).value
        return super().to_asgi_response(app, request, **others)

    def render(
        self, content: Any, media_type: str, enc_hook: Callable[[Any], Any] = default_serializer
    ) -> bytes:
        # Litestar knows MessagePack by an older name.
        if media_type == Format.MSGPACK.value:
            return msgspec.msgpack.encode(content)
        return super().render(content, media_type, enc_hook)


class ApiRoute(HTTPRouteHandler):
    """Writes a struct that its function returns as :class:`ApiResponse` would, without making one.

    So it is for answers without headers of their own.
    """

    async def to_response(self, app: Litestar, data: Any, request: Request[Any, Any, Any]) -> ASGIApp:
        if isinstance(data, msgspec.Struct) and self.media_type == MediaType.JSON:
            return _plain(data, self.status_code, request.scope)
        return await super().to_response(app, data, request)


get, post = (partial(ApiRoute, http_method=method) for method in (HttpMethod.GET, HttpMethod.POST))


def _plain(content: msgspec.Struct, status: int, scope: Scope) -> ASGIApp:
    """An answer without headers of its own: Litestar's takes several times as long to make the same."""
    form = wanted(scope)
    body = msgspec.json.encode(content) if form is Format.JSON else msgspec.msgpack.encode(content)
    headers = [(b"content-type", _CONTENT_TYPES[form]), (b"content-length", b"%d" % len(body))]

    async def answer(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body, "more_body": False})

    return answer
