"""A request as this API takes it: what it asks, strict JSON, and an id to find it again."""

import re
from typing import Any
from uuid import uuid4

from litestar import Request
from litestar.exceptions import HTTPException
from litestar.types import Message, Scope

from taxi_predictor.adapters.http.decoding import MalformedBody, decode
from taxi_predictor.adapters.http.hexagon import Hexagon
from taxi_predictor.adapters.http.timing import server_timing

__all__ = ["REQUEST_ID_HEADER", "ApiRequest", "request_id", "send_request_id"]

REQUEST_ID_HEADER = "X-Request-Id"

_SANE_ID = re.compile(rb"[A-Za-z0-9._~:=+/-]{1,128}")
_STATE_KEY = "taxi_predictor_request_id"


class ApiRequest(Request[Any, Any, Any]):
    """Reads a JSON body straight into the type that the handler's ``data`` has.

    Litestar itself would convert leniently: ``"40.75"`` would pass for a number.
    """

    @property
    def hexagon(self) -> Hexagon:
        """What the application drives."""
        hexagon: Hexagon = self.app.state.hexagon
        return hexagon

    async def body(self) -> bytes:
        if self.route_handler.parsed_data_field is None:
            return await super().body()
        media_type, _ = self.content_type
        if media_type != "application/json":
            raise HTTPException(status_code=415, detail="send the body as Content-Type: application/json")
        if self.headers.get("content-encoding", "identity") != "identity":
            # What is packed may unpack to anything: nothing is unpacked here.
            raise HTTPException(status_code=415, detail="send the body as it is, without a Content-Encoding")
        body = await super().body()
        if not body:
            raise MalformedBody("the body is empty: send a JSON object")
        return body

    async def json(self) -> Any:
        field = self.route_handler.parsed_data_field
        return await super().json() if field is None else decode(await self.body(), field.annotation)


def request_id(scope: Scope) -> str:
    """The id that the client gave, where it is fit for a log line, else one made for this request."""
    state: dict[str, Any] = scope["state"]
    if _STATE_KEY not in state:
        given = next((value for name, value in scope["headers"] if name == b"x-request-id"), b"")
        state[_STATE_KEY] = given.decode() if _SANE_ID.fullmatch(given) else uuid4().hex
    known: str = state[_STATE_KEY]
    return known


async def send_request_id(message: Message, scope: Scope) -> None:
    """Add the request's id and its times to its response.

    A hook and not a middleware: Litestar runs middlewares for known routes only.
    """
    if message["type"] == "http.response.start":
        header = (REQUEST_ID_HEADER.lower().encode(), request_id(scope).encode())
        headers = [*message.get("headers", ()), header]
        if times := server_timing(scope):
            headers.append((b"server-timing", times.encode()))
        message["headers"] = headers
