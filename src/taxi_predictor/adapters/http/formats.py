"""JSON and MessagePack: what a body is sent as, and what an answer is wanted as."""

from enum import Enum

from litestar.exceptions import HTTPException
from litestar.types import Scope

__all__ = ["Format", "sent_as", "wanted"]


class Format(Enum):
    """How a body is written; the value is its media type."""

    JSON = "application/json"
    MSGPACK = "application/vnd.msgpack"


_FORMAT_OF = {
    "application/json": Format.JSON,
    # The last is what IANA knows; the others are what clients say.
    "application/msgpack": Format.MSGPACK,
    "application/x-msgpack": Format.MSGPACK,
    "application/vnd.msgpack": Format.MSGPACK,
}


def sent_as(media_type: str, *, other: str = "") -> Format:
    """The format of a body that says it is *media_type*; *other* is what the endpoint takes besides.

    Raises:
        HTTPException: 415, it is another.
    """
    try:
        return _FORMAT_OF[media_type]
    except KeyError:
        taken = ", ".join([*(form.value for form in Format), *filter(None, [other])])
        raise HTTPException(status_code=415, detail=f"send the body as one of: {taken}") from None


def wanted(scope: Scope) -> Format:
    """MessagePack where the client names it and likes JSON no better; all others get JSON."""
    for name, value in scope["headers"]:
        if name == b"accept" and b"msgpack" in value.lower():
            likes = dict.fromkeys(Format, 0.0)
            for media_range in value.decode("latin-1").lower().split(","):
                media_type, *parameters = (part.strip() for part in media_range.split(";"))
                if form := _FORMAT_OF.get(media_type):
                    likes[form] = max(likes[form], _quality(parameters))
            return Format.MSGPACK if likes[Format.MSGPACK] >= max(likes[Format.JSON], 0.001) else Format.JSON
    return Format.JSON


def _quality(parameters: list[str]) -> float:
    """How much a media range is liked (RFC 9110, 12.4.2): 0 to 1."""
    for parameter in parameters:
        if parameter.startswith("q="):
            try:
                return float(parameter[2:])
            except ValueError:
                return 0.0
    return 1.0
