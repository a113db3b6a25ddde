"""City profiles: those shipped here as TOML, and anybody's own file of the same shape."""

from datetime import date
from importlib import resources
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from taxi_predictor.domain.city import Airport, City, PlausibilityBounds
from taxi_predictor.domain.errors import InvalidCity, UnknownCity
from taxi_predictor.domain.place import Bounds

__all__ = ["load_city", "load_time_zone", "shipped_cities"]

HOLIDAY_YEARS = range(2000, 2101)
"""Every year in which a departure may lie, and the one after, whose New Year the last days are near.

The dates are kept with a model, so that it answers the same whatever becomes of the library they are from."""


class CityProfile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The TOML of a city: a :class:`City` whose holidays are named by country and subdivision."""

    name: str
    time_zone: str
    bounds: Bounds
    holidays: str = ""
    """Such as ``US-NY`` or ``ES``; empty for none."""
    fallback_speed_km_h: float = 20.0
    street_angle_deg: float = 0.0
    airports: tuple[Airport, ...] = ()
    plausibility: PlausibilityBounds = msgspec.field(default_factory=PlausibilityBounds)

    def to_city(self) -> City:
        return City(
            name=self.name,
            time_zone=self.time_zone,
            bounds=self.bounds,
            fallback_speed_km_h=self.fallback_speed_km_h,
            street_angle_deg=self.street_angle_deg,
            airports=self.airports,
            holidays=_holidays(self.holidays),
            plausibility=self.plausibility,
        )


def shipped_cities() -> list[str]:
    """The names of the cities that come with the package."""
    folder = resources.files(__name__)
    return sorted(file.name.removesuffix(".toml") for file in folder.iterdir() if file.name.endswith(".toml"))


def load_city(name_or_path: str) -> City:
    """A shipped city by name, or one from a TOML file.

    Raises:
        UnknownCity: neither a shipped city nor a file.
        InvalidCity: the file does not describe a city.
    """
    return _profile(name_or_path).to_city()


def load_time_zone(name_or_path: str) -> ZoneInfo:
    """That of the same city, without a century of its holidays.

    Raises:
        UnknownCity, InvalidCity: as :func:`load_city`.
    """
    profile = _profile(name_or_path)
    try:
        return ZoneInfo(profile.time_zone)
    except (ZoneInfoNotFoundError, ValueError):
        return profile.to_city().tz  # which says what is wrong with it


def _profile(name_or_path: str) -> CityProfile:
    if name_or_path in shipped_cities():
        text = resources.files(__name__).joinpath(f"{name_or_path}.toml").read_bytes()
    elif Path(name_or_path).is_file():
        text = Path(name_or_path).read_bytes()
    else:
        raise UnknownCity(
            f"no city {name_or_path!r}: name one of {', '.join(shipped_cities())}, or a TOML file like them"
        )
    try:
        return msgspec.toml.decode(text, type=CityProfile)
    except msgspec.DecodeError as error:
        raise InvalidCity(f"city {name_or_path}: {error}") from error


def _holidays(code: str) -> tuple[date, ...]:
    if not code:
        return ()
    # Late: a city without holidays needs no library.
    from taxi_predictor.apps.cities.holidays import holidays_of

    return holidays_of(code, HOLIDAY_YEARS)
