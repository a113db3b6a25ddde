"""A request as this API takes it: what it asks, a strictly read body, and an id to find it again."""

import re
from functools import lru_cache
from os import urandom
from typing import Any, NamedTuple, TypeVar

from litestar import Request
from litestar.exceptions import HTTPException
from litestar.handlers import BaseRouteHandler
from litestar.types import Scope

from taxi_predictor.adapters.http.decoding import MalformedBody, decode
from taxi_predictor.adapters.http.formats import Format, sent_as
from taxi_predictor.adapters.http.headers import header_of, media_type_of, only_header_of
from taxi_predictor.adapters.http.hexagon import Hexagon
from taxi_predictor.adapters.http.options import Options
from taxi_predictor.ports.outbound.watch import Watch, watched_by

__all__ = [
    "REQUEST_ID_HEADER",
    "ApiRequest",
    "remember_watch",
    "request_id",
    "request_id_of",
    "watch_of",
]

REQUEST_ID_HEADER = "X-Request-Id"

T = TypeVar("T")

_SANE_ID = re.compile(rb"[A-Za-z0-9._~:=+/-]{1,128}")
_STATE_KEY = "taxi_predictor_watch"


class _Data(NamedTuple):
    """What a handler takes as its ``data``."""

    type: type[Any]
    is_optional: bool


@lru_cache
def _data_of(handler: BaseRouteHandler) -> _Data | None:
    field = handler.parsed_data_field
    return None if field is None else _Data(field.annotation, field.is_optional)


class ApiRequest(Request[Any, Any, Any]):
    """Reads a body, JSON or MessagePack, straight into the type that the handler's ``data`` has.

    Litestar itself would convert leniently: ``"40.75"`` would pass for a number.
    """

    _sent_as: Format
    """What its body is sent as, once that was looked at."""

    @property
    def hexagon(self) -> Hexagon:
        """What the application drives."""
        hexagon: Hexagon = self.app.state.hexagon
        return hexagon

    @property
    def options(self) -> Options:
        """What its deployment lets it do."""
        options: Options = self.app.state.options
        return options

    @property
    def media_type(self) -> str:
        """What the body says it is.

        Raises:
            HTTPException: 415, it is packed.
        """
        self.refuse_packed()
        return media_type_of(self.scope)

    def refuse_packed(self) -> None:
        """Refuse a body that is packed: it may unpack to anything, so nothing is unpacked here.

        Raises:
            HTTPException: 415, it is.
        """
        if header_of(self.scope, b"content-encoding") not in (None, b"identity"):
            raise HTTPException(status_code=415, detail="send the body as it is, without a Content-Encoding")

    @property
    def content_length(self) -> int | None:
        """How long the body is, as its sender says."""
        given = header_of(self.scope, b"content-length")
        return int(given) if given is not None and given.isdigit() else super().content_length

    async def body(self) -> bytes:
        data = _data_of(self.scope["route_handler"])
        if data is None:
            return await super().body()
        if data.is_optional and not await super().body():
            return b""  # the handler does without
        self._sent_as = sent_as(self.media_type)  # or it is refused before it is read
        body = await super().body()
        if not body:
            raise MalformedBody("the body is empty: send an object")
        return body

    async def json(self) -> Any:
        data = _data_of(self.scope["route_handler"])
        if data is None:
            return await super().json()
        return decode(await self.body(), data.type, self._sent_as)

    async def read(self, type_: type[T], *, other: str) -> T:
        """The body as *type_*, for a handler without ``data`` that takes *other* media types besides.

        Raises:
            HTTPException: 415, it is sent as something else.
            MalformedBody: it cannot be read.
            InvalidBody: it is not what was asked for.
        """
        form = sent_as(self.media_type, other=other)
        return decode(await self.body(), type_, form)


def request_id_of(scope: Scope) -> str:
    """The id that the client gave, where it is one and fit for a log line, else one made for this request."""
    given = only_header_of(scope, b"x-request-id")
    return given.decode() if given is not None and _SANE_ID.fullmatch(given) else urandom(16).hex()


def remember_watch(scope: Scope, watch: Watch) -> None:
    """Note with *watch* what is done for the request from here on."""
    scope.setdefault("state", {})[_STATE_KEY] = watch
    watched_by(watch)


def watch_of(scope: Scope) -> Watch:
    """The one that was remembered; for an application that remembers none, one that nobody looks at."""
    state: dict[str, Any] = scope["state"]
    known: Watch | None = state.get(_STATE_KEY)
    if known is None:
        known = state[_STATE_KEY] = Watch(request_id_of(scope))
    return known


def request_id(scope: Scope) -> str:
    """By what name the request is found again, in the log and in its answer."""
    return watch_of(scope).request_id
