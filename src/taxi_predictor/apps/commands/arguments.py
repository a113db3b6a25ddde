"""How times, places and versions are written on the command line, and what no argument may say.

Arguments are read before a container is opened: who mistypes one waits for no database.
"""

import re
from datetime import datetime
from pathlib import Path

from taxi_predictor.apps.cities import load_time_zone
from taxi_predictor.apps.settings import Settings
from taxi_predictor.domain.errors import Invalid, MissingSource
from taxi_predictor.domain.model import ModelVersion
from taxi_predictor.domain.place import Point, ZoneId
from taxi_predictor.domain.wall_clock import instant_of
from taxi_predictor.ports.inbound.models.versions import WhichModel

__all__ = [
    "parse_instant",
    "parse_place",
    "parse_span_s",
    "parse_which",
    "refuse_coverage",
    "refuse_missing",
    "refuse_overwriting",
    "refuse_share",
]

LONGEST_S = 100 * 366 * 86_400


def parse_instant(text: str, settings: Settings) -> datetime:
    """Read ``now``, ``2024-03``, ``2024-03-01`` or ``2024-03-01T08:30``: local, unless it has an offset.

    The city is the one of *settings*.

    Raises:
        Invalid: it is no time, or clocks in the city never show it, or twice.
    """
    tz = load_time_zone(settings.city)
    if text == "now":
        return datetime.now(tz)
    first_of_month = "-01" if re.fullmatch(r"\d{4}-\d{2}", text) else ""
    try:
        instant = datetime.fromisoformat(text + first_of_month)
    except ValueError as error:
        raise Invalid(f"{text!r} is not a time such as 2024-03-01 or 2024-03-01T08:30-05:00") from error
    return instant_of(instant, tz)


def parse_span_s(text: str) -> float:
    """Read ``90s``, ``10m``, ``2h`` or ``30d`` as seconds."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd])", text)
    if found is None or not float(found[1]):
        raise Invalid(f"{text!r} is not a span of time such as 90s, 10m, 2h or 30d")
    span_s = float(found[1]) * {"s": 1, "m": 60, "h": 3600, "d": 86400}[found[2]]
    if span_s > LONGEST_S:
        raise Invalid(f"{text!r} is longer than a hundred years")
    return span_s


def parse_place(text: str) -> Point | ZoneId:
    """Read ``40.75,-73.99`` (latitude, longitude) or a zone id such as ``132``."""
    try:
        if "," in text:
            lat_deg, lon_deg = (float(part) for part in text.split(","))
        else:
            return ZoneId(int(text))
    except ValueError as error:
        raise Invalid(f"{text!r} is neither LAT,LON in degrees nor a zone id") from error
    return Point(lat_deg, lon_deg)


def parse_which(text: str) -> WhichModel:
    """Read ``champion``, ``latest`` or a version number."""
    match text:
        case "champion" | "latest" as name:
            return name
    try:
        return ModelVersion(int(text))
    except ValueError as error:
        raise Invalid(f"{text!r} is not a version number, champion or latest") from error


def refuse_coverage(coverage: float) -> None:
    """See that --coverage is a probability that an interval can have.

    Raises:
        Invalid: it is none.
    """
    if not 0.01 <= coverage <= 0.99:
        raise Invalid(f"--coverage lies between 0.01 and 0.99, got {coverage}")


def refuse_share(max_rejects: float | None) -> None:
    """See that --max-rejects is one.

    Raises:
        Invalid: it is none.
    """
    if max_rejects is not None and not 0 <= max_rejects <= 1:
        raise Invalid(f"--max-rejects is a share between 0 and 1, got {max_rejects}")


def refuse_missing(source: str) -> None:
    """See that the file of trips *source* is there, unless it lies in a bucket.

    Raises:
        MissingSource: it is not.
    """
    if "://" not in source and not Path(source).exists():
        raise MissingSource(f"{source}: no such file")


def refuse_overwriting(source: str, out: Path) -> None:
    """See that answers are not written over the trips they are for.

    Raises:
        Invalid: they would be.
    """
    if Path(source).exists() and out.exists() and out.samefile(source):
        raise Invalid(f"--out {out} is the file of trips itself")
