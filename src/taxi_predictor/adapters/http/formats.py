"""JSON and MessagePack: what a body is sent as, and what an answer is wanted as."""

from enum import StrEnum

from litestar.exceptions import HTTPException
from litestar.types import Scope

__all__ = ["Format", "sent_as", "wanted"]


class Format(StrEnum):  # quicker than others where it is a key
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
_RANGES_OF_JSON = (Format.JSON.value, "application/*", "*/*")


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
    accepted = b",".join([value for name, value in scope["headers"] if name == b"accept"]).lower()
    if b"msgpack" not in accepted:
        return Format.JSON
    likes: dict[str, float] = {}
    for media_range in accepted.decode("latin-1").split(","):
        media_type, *parameters = (part.strip() for part in media_range.split(";"))
        likes[media_type] = max(likes.get(media_type, 0.0), _quality(parameters))
    named = [likes[name] for name, form in _FORMAT_OF.items() if form is Format.MSGPACK and name in likes]
    # The narrowest range that holds it says how much it is liked (RFC 9110, 12.5.1).
    json = next((likes[name] for name in _RANGES_OF_JSON if name in likes), 0.0)
    return Format.MSGPACK if max(named, default=0.0) >= max(json, 0.001) else Format.JSON


def _quality(parameters: list[str]) -> float:
    """How much a media range is liked (RFC 9110, 12.4.2): 0 to 1."""
    for parameter in parameters:
        if parameter.startswith("q="):
            try:
                return float(parameter[2:])
            except ValueError:
                return 0.0
    return 1.0
