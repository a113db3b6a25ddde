"""The options of a request: what each is called, how it is written, and what it means."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import isfinite
from typing import Any, Generic, TypeVar, cast
from urllib.parse import unquote

from taxi_predictor.adapters.http.osrm.coordinates import NUMBER
from taxi_predictor.adapters.http.osrm.departures import TIME, named_time
from taxi_predictor.adapters.http.osrm.refusals import Code, Refusal, shown

__all__ = ["DEPART_AT", "GENERAL", "SKIP_WAYPOINTS", "Given", "Option", "one_of", "positive", "several"]

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Option(Generic[T]):
    """Something that a query may say; where it does not, *default* holds."""

    name: str
    pattern: str
    """Of the whole value (ECMA 262, as OpenAPI wants it); what does not match it is malformed."""
    read: Callable[[str], T]
    default: T
    description: str
    is_number: bool = False
    counted: bool = False
    """Whether it has an element for each of the coordinates."""

    def of(self, text: str) -> T:
        if not re.fullmatch(self.pattern, text):
            raise Refusal(Code.INVALID_QUERY, f"{self.name}={shown(text)} is not how {self.name} is written")
        return self.read(text)


def one_of(name: str, *choices: str, description: str) -> Option[str]:
    """An option with a few possible values; the first is the default."""
    return Option(
        name=name, pattern=f"^(?:{'|'.join(choices)})$", read=str, default=choices[0], description=description
    )


def several(element: str, separator: str = ";") -> str:
    """The pattern of a list."""
    return f"^(?:{element})(?:{separator}(?:{element}))*$"


def positive(name: str, *, default: T, description: str) -> Option[float | T]:
    """A number above zero."""

    def read(text: str) -> float:
        number = float(text)
        if not (number > 0 and isfinite(number)):
            raise Refusal(Code.INVALID_OPTIONS, f"{name} must be > 0")
        return number

    return Option(
        name=name,
        pattern=f"^{NUMBER}(?:[eE][+-]?[0-9]{{1,3}})?$",
        read=read,
        default=default,
        description=description,
        is_number=True,
    )


def _for_each(
    name: str, element: str, *, description: str, check: Callable[[str], object] = str
) -> Option[int]:
    """An element, maybe an empty one, for each of the coordinates. Only how many there are matters."""

    def read(text: str) -> int:
        elements = text.split(";")
        for each in elements:
            if each:
                check(each)
        return len(elements)

    return Option(
        name=name,
        pattern=several(f"(?:{element})?"),
        read=read,
        default=0,
        description=description,
        counted=True,
    )


def _check_bearing(text: str) -> None:
    bearing, deviation = map(int, text.split(","))
    if bearing > 360 or deviation > 180:
        raise Refusal(Code.INVALID_OPTIONS, f"bearings: {text} is not within 0 to 360,0 to 180")


def _refuse_classes(text: str) -> str:
    raise Refusal(
        Code.INVALID_VALUE, "Exclude flag combination is not supported: no classes of roads are known."
    )


_NOT_SNAPPED = "Taken and without effect: no coordinate is moved to a road."

DEPART_AT: Option[datetime | None] = Option(
    name="depart_at",
    pattern=TIME,
    read=named_time,
    default=None,
    description="When the first trip starts: ISO 8601, local to the city where it has no offset, or seconds"
    " since 1970. Where absent: now. OSRM has no such option.",
)
SKIP_WAYPOINTS = one_of("skip_waypoints", "false", "true", description="Whether to leave the waypoints out.")

GENERAL: Sequence[Option[Any]] = (
    DEPART_AT,
    SKIP_WAYPOINTS,
    _for_each("radiuses", rf"{NUMBER.removeprefix('-?')}|unlimited", description=_NOT_SNAPPED),
    _for_each("bearings", r"[0-9]{1,3},[0-9]{1,3}", description=_NOT_SNAPPED, check=_check_bearing),
    _for_each("hints", r"[A-Za-z0-9_=-]+", description=_NOT_SNAPPED),
    _for_each("approaches", "unrestricted|curb|opposite", description=_NOT_SNAPPED),
    one_of("generate_hints", "true", "false", description="Accepted without effect: there are no hints."),
    one_of("snapping", "default", "any", description=_NOT_SNAPPED),
    Option(
        name="exclude",
        pattern=several("[A-Za-z0-9_]+", ","),
        read=_refuse_classes,
        default="",
        description="Refused: no classes of roads are known, as with an OSRM whose profile defines none.",
    ),
)


class Given:
    """What a query says, by option."""

    def __init__(self, values: Mapping[str, object]) -> None:
        self._values = values

    @classmethod
    def in_query(cls, query: bytes, options: Iterable[Option[Any]]) -> "Given":
        """Read *query*, which may say nothing but *options*.

        ``+`` stands for itself, as in the offset of a time, and not for a blank.

        Raises:
            Refusal: it says something else, or something malformed.
        """
        known = {option.name: option for option in options}
        values: dict[str, object] = {}
        for part in query.decode("latin-1").split("&") if query else ():
            name, _, text = part.partition("=")
            if name not in known:
                raise Refusal(Code.INVALID_QUERY, f"there is no option {shown(name)}")
            values[name] = known[name].of(unquote(text))
        return cls(values)

    def __getitem__(self, option: Option[T]) -> T:
        return cast(T, self._values.get(option.name, option.default))

    def refuse_other_counts(self, options: Iterable[Option[Any]], *, places: int) -> None:
        """Refuse lists that should have an element for each of so many *places*, and have not."""
        for option in options:
            if option.counted and self[option] not in (0, places):
                raise Refusal(
                    Code.INVALID_OPTIONS,
                    f"Number of elements in {option.name} size {self[option]}"
                    f" does not match coordinate size {places}",
                )
