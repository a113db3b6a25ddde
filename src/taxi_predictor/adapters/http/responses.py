"""A response as its client wants it: JSON, or MessagePack."""

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec
from litestar import MediaType, Request, Response
from litestar.response.base import ASGIResponse
from litestar.serialization import default_serializer

from taxi_predictor.adapters.http.formats import Format, wanted

__all__ = ["ApiResponse"]

T = TypeVar("T")


class ApiResponse(Response[T]):
    """What would be JSON, in the format that the request accepts; problems are written as they are."""

    def to_asgi_response(self, app: None, request: Request[Any, Any, Any], **others: Any) -> ASGIResponse:  # type: ignore[override] # Litestar passes no app
        usual = self.media_type or others.get("media_type") or MediaType.JSON
        if wanted(request.scope) is Format.MSGPACK and usual == MediaType.JSON:
            self.media_type = Format.MSGPACK.value
        return super().to_asgi_response(app, request, **others)

    def render(
        self, content: Any, media_type: str, enc_hook: Callable[[Any], Any] = default_serializer
    ) -> bytes:
        # Litestar knows MessagePack by an older name.
        if media_type == Format.MSGPACK.value:
            return msgspec.msgpack.encode(content)
        return super().render(content, media_type, enc_hook)
