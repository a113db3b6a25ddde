"""Reading a body strictly, and saying where it is wrong."""

import re
from typing import Any, TypeVar
from urllib.parse import quote

import msgspec

from taxi_predictor.adapters.http.formats import Format
from taxi_predictor.domain.errors import Invalid

__all__ = ["InvalidBody", "MalformedBody", "convert", "decode"]

T = TypeVar("T")

MAX_MESSAGE_CHARS = 300
"""A message may quote a field name, and that may be as long as the body."""

_PATH_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]")
_NAME_OF = {Format.JSON: "JSON", Format.MSGPACK: "MessagePack"}
_FIELD = re.compile(r"^Object (?:contains unknown|missing required) field `(.*)`$", re.DOTALL)


class MalformedBody(Invalid):
    """What was sent cannot be read as what it says it is."""

    slug = "malformed-body"


class InvalidBody(Invalid):
    """The body can be read, but is not what was asked for.

    *pointer* says where: a JSON pointer (RFC 6901) as a URI fragment, such as ``#/pickup/lat``.
    An error of the core that is the body's fault keeps its *slug*.
    """

    slug = "invalid-body"

    def __init__(self, message: str, *, pointer: str, slug: str = slug) -> None:
        super().__init__(message)
        self.pointer = pointer
        self.slug = slug


def decode(body: bytes | msgspec.Raw, type_: type[T], form: Format = Format.JSON) -> T:
    """Read *body* as *type_*, converting nothing: ``"2"`` is no number.

    Raises:
        MalformedBody: it is not in *form*; NaN and Infinity are no JSON.
        InvalidBody: a field is missing, unknown or not allowed to be what it is; the first is named.
    """
    read = msgspec.json.decode if form is Format.JSON else msgspec.msgpack.decode
    try:
        return read(body, type=type_)
    except msgspec.ValidationError as error:
        raise _located(str(error)) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedBody(f"the body cannot be read as {_NAME_OF[form]}: {error}") from error


def convert(values: dict[str, Any], type_: type[T]) -> T:
    """Take *values* that came in a query for those of a body, as strictly.

    Raises:
        InvalidBody: as :func:`decode`.
    """
    try:
        return msgspec.convert(values, type=type_)
    except msgspec.ValidationError as error:
        raise _located(str(error)) from error


def _located(text: str) -> InvalidBody:
    """Turn msgspec's "message - at `$.pickup.lat`" into a message and a pointer."""
    message, _, path = text.rpartition(" - at `$")
    if not message:
        message, path = text, ""
    steps = [name or index for name, index in _PATH_STEP.findall(path.removesuffix("`"))]
    if field := _FIELD.match(message):
        steps.append(field[1])
    if "timezone component" in message:
        message = "a time without an offset names no instant: add one, as in 2024-03-01T08:30:00-05:00"
    pointer = "#" + "".join(
        "/" + quote(step.replace("~", "~0").replace("/", "~1"), safe="") for step in steps
    )
    return InvalidBody(_cut(message), pointer=_cut(pointer))


def _cut(text: str) -> str:
    return text if len(text) <= MAX_MESSAGE_CHARS else f"{text[:MAX_MESSAGE_CHARS]}…"
