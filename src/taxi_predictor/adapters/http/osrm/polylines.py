"""Encoded polylines, by Google's description of the format.

https://developers.google.com/maps/documentation/utilities/polylinealgorithm: coordinates as integers
of 1e-*digits* degrees, each less the one before, zigzagged, in groups of five bits from the lowest,
63 above zero, with 32 added to all groups of a number but its last. The latitude comes first.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate

from taxi_predictor.domain.place import Point

__all__ = ["decoded", "encoded"]

ZERO = 63
MORE = 0x20
MAX_BITS = 35
"""Seven groups: more than the step from one end of the Earth to the other needs, at six digits."""


def encoded(points: Iterable[Point], *, digits: int) -> str:
    text: list[str] = []
    before = (0, 0)
    for point in points:
        here = round(point.lat_deg * 10**digits), round(point.lon_deg * 10**digits)
        for now, then in zip(here, before, strict=True):
            step = now - then
            rest = ~(step << 1) if step < 0 else step << 1
            while rest >= MORE:
                text.append(chr((rest & 0x1F | MORE) + ZERO))
                rest >>= 5
            text.append(chr(rest + ZERO))
        before = here
    return "".join(text)


def decoded(text: str, *, digits: int) -> Sequence[tuple[float, float]]:
    """Pairs of latitude and longitude in degrees; they may lie beyond the Earth.

    Raises:
        ValueError: *text* is no encoded polyline.
    """
    steps = list(_steps(text))
    if len(steps) % 2:
        raise ValueError("an encoded polyline ends with a latitude")
    lats, lons = (accumulate(steps[axis::2]) for axis in (0, 1))
    return [(lat / 10**digits, lon / 10**digits) for lat, lon in zip(lats, lons, strict=True)]


def _steps(text: str) -> Iterator[int]:
    number = shift = 0
    for character in text:
        group = ord(character) - ZERO
        if not 0 <= group < 2 * MORE or shift >= MAX_BITS:
            raise ValueError("not an encoded polyline")
        number |= (group & 0x1F) << shift
        shift += 5
        if group < MORE:
            yield ~(number >> 1) if number & 1 else number >> 1
            number = shift = 0
    if shift:
        raise ValueError("an encoded polyline ends within a number")
