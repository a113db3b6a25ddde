"""The places of a request, as they stand in its URL."""

import re
from collections.abc import Sequence

from taxi_predictor.adapters.http.osrm.polylines import decoded
from taxi_predictor.adapters.http.osrm.refusals import Code, Refusal, shown
from taxi_predictor.domain.errors import InvalidTrip
from taxi_predictor.domain.place import Place, Point

__all__ = ["COORDINATES", "NUMBER", "places_of"]

NUMBER = r"-?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)"
"""As OSRM takes them: with no exponent, no infinity and no NaN."""

_PAIR = rf"{NUMBER},{NUMBER}"
_PAIRS = rf"{_PAIR}(?:;{_PAIR})*"
COORDINATES = rf"^(?:{_PAIRS}|polyline6?\(.+\))(?:\.json)?$"

_IS_PAIRS = re.compile(_PAIRS)
_POLYLINE = re.compile(r"polyline(6?)\((.+)\)", re.DOTALL)
_FORMAT = ".json"


def places_of(text: str) -> Sequence[Place]:
    """The places that *text* lists, two or more.

    Raises:
        Refusal: it is malformed, there is only one, or one of them is not on Earth.
    """
    pairs = _pairs(text.removesuffix(_FORMAT))
    if len(pairs) < 2:
        raise Refusal(Code.INVALID_OPTIONS, "Number of coordinates needs to be at least two.")
    try:
        return [Place(Point(lat_deg, lon_deg)) for lat_deg, lon_deg in pairs]
    except InvalidTrip as error:
        raise Refusal(Code.INVALID_VALUE, f"Invalid coordinate value: {error}") from error


def _pairs(text: str) -> Sequence[tuple[float, float]]:
    """Latitudes and longitudes."""
    if _IS_PAIRS.fullmatch(text):
        pairs = (pair.split(",") for pair in text.split(";"))
        return [(float(lat), float(lon)) for lon, lat in pairs]
    if polyline := _POLYLINE.fullmatch(text):
        try:
            return decoded(polyline[2], digits=6 if polyline[1] else 5)
        except ValueError as error:
            raise Refusal(Code.INVALID_QUERY, f"{shown(text)}: {error}") from error
    raise Refusal(
        Code.INVALID_QUERY,
        f"{shown(text)} is neither LON,LAT;LON,LAT... nor polyline(...) nor polyline6(...)",
    )
