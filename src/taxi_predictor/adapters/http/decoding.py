"""Reading a body strictly, and saying where it is wrong."""

import re
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

import msgspec
from msgspec import Meta

from taxi_predictor.adapters.http.formats import Format
from taxi_predictor.domain.errors import Invalid
from taxi_predictor.domain.wall_clock import time_of

__all__ = [
    "InvalidBody",
    "MalformedBody",
    "Time",
    "convert",
    "decode",
    "in_words",
    "patterned",
    "read_value",
    "schema_of",
]

T = TypeVar("T")

if TYPE_CHECKING:
    Time = datetime
else:

    class _Datetimes(type):
        def __instancecheck__(cls, value: object) -> bool:
            return isinstance(value, datetime)

    class Time(metaclass=_Datetimes):
        """A datetime in a body, as people write it too: msgspec's own needs seconds.

        A type of ours is read by :func:`read_value`, and msgspec then asks whether that gave an instance.
        """


MAX_MESSAGE_CHARS = 300
"""A message may quote a field name, and that may be as long as the body."""

_PATH_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]")
_NAME_OF = {Format.JSON: "JSON", Format.MSGPACK: "MessagePack"}
_WORDS = {"Invalid RFC3339 encoded date": "not a date such as 2024-03-01"}
"""Words in place of patterns and messages that people could not read."""
_PATTERN = re.compile("^Expected `str` matching regex (.*)$", re.DOTALL)
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
        return read(body, type=type_, dec_hook=read_value)
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
        return msgspec.convert(values, type=type_, dec_hook=read_value)
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
    return InvalidBody(_cut(in_words(message)), pointer=_cut(pointer_to(*steps)))


def pointer_to(*steps: str) -> str:
    """The JSON pointer that goes these *steps*, as a URI fragment."""
    return "#" + "".join("/" + quote(step.replace("~", "~0").replace("/", "~1"), safe="") for step in steps)


def patterned(pattern: str, words: str, **bounds: Any) -> Meta:
    """The bounds of a text; one that does not match *pattern* is refused in these *words*."""
    _WORDS[repr(pattern)] = words
    return Meta(pattern=pattern, **bounds)


def in_words(message: str) -> str:
    """msgspec's *message*; but nobody should have to read a pattern."""
    found = _PATTERN.match(message)
    return _WORDS.get(found[1] if found else message, message)


def schema_of(type_: type) -> dict[str, Any]:
    """What JSON schema says of a type of ours; of any other msgspec is told so in its way.

    Raises:
        NotImplementedError: it is none of ours.
    """
    if type_ is Time:
        return {"type": "string", "format": "date-time"}
    raise NotImplementedError


def read_value(type_: type, value: Any) -> Any:
    """*value* as a type of ours, as msgspec's ``dec_hook`` has it.

    Raises:
        TypeError, InvalidTrip: it is none.
        NotImplementedError: *type_* is no type of ours, as a ``dec_hook`` says that.
    """
    if type_ is not Time:
        raise NotImplementedError
    if isinstance(value, datetime):  # MessagePack has them
        return value
    if not isinstance(value, str):
        name = {"NoneType": "null", "list": "array", "dict": "object"}.get(type(value).__name__)
        raise TypeError(f"Expected a time, got `{name or type(value).__name__}`")
    return time_of(value)


def _cut(text: str) -> str:
    return text if len(text) <= MAX_MESSAGE_CHARS else f"{text[:MAX_MESSAGE_CHARS]}…"
