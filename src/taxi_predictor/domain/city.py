"""A city as configuration: its clock, its bounds, its holidays and what is believable there."""

import math
from dataclasses import dataclass, field
from datetime import date
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from taxi_predictor.domain.errors import InvalidCity
from taxi_predictor.domain.place import Bounds, Point

__all__ = ["Airport", "City", "PlausibilityBounds"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlausibilityBounds:
    """Which finished trips are believed; the defaults are those of the open benchmarks."""

    min_duration_s: float = 60.0
    max_duration_s: float = 3 * 3600.0
    max_speed_km_h: float = 130.0
    """Straight-line speed: no road is shorter than the great circle."""
    meter_left_on_s: float = 20 * 3600.0
    """From here on a meter was not stopped (they cluster at 20-24 h), rather than a trip long."""

    def __post_init__(self) -> None:
        if not 0 < self.min_duration_s < self.max_duration_s <= self.meter_left_on_s:
            raise InvalidCity("durations must satisfy 0 < min < max <= meter_left_on")
        if not self.max_speed_km_h > 0:
            raise InvalidCity("max_speed_km_h must be positive")


@dataclass(frozen=True, slots=True, kw_only=True)
class Airport:
    """A terminal area; a trip that begins or ends within *radius_km* of it is an airport trip."""

    name: str
    point: Point
    radius_km: float = 2.5

    def __post_init__(self) -> None:
        if not 0 < self.radius_km < math.inf:
            raise InvalidCity(f"airport {self.name}: radius_km must be positive and finite")


@dataclass(frozen=True, slots=True, kw_only=True)
class City:
    """Everything the core must know about one city. One deployment serves one city."""

    name: str
    time_zone: str
    """IANA name; sources with local times are read in it and features are local to it."""
    bounds: Bounds
    fallback_speed_km_h: float = 20.0
    street_angle_deg: float = 0.0
    """How far the street grid is turned clockwise from north."""
    airports: tuple[Airport, ...] = ()
    holidays: tuple[date, ...] = ()
    plausibility: PlausibilityBounds = field(default_factory=PlausibilityBounds)

    def __post_init__(self) -> None:
        if not self.name:
            raise InvalidCity("a city needs a name")
        try:
            ZoneInfo(self.time_zone)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise InvalidCity(f"city {self.name}: no such time zone: {self.time_zone!r}") from error
        if not 0 < self.fallback_speed_km_h < math.inf:
            raise InvalidCity(f"city {self.name}: fallback_speed_km_h must be positive and finite")
        if not math.isfinite(self.street_angle_deg):
            raise InvalidCity(f"city {self.name}: street_angle_deg must be a number of degrees")

    @property
    def tz(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)
