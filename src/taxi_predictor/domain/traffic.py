"""How a city moves: trips counted by hour, duration, place and pair of places.

A *spot* is where trips begin or end: a taxi zone by its id, or, for trips that were given as points, a
cell of a hundredth of a degree, by a negative number.
"""

from dataclasses import dataclass
from datetime import date

from taxi_predictor.domain.errors import Invalid
from taxi_predictor.domain.place import Bounds

__all__ = [
    "CELLS_PER_DEG",
    "CELL_COLUMNS",
    "MINUTES",
    "DayCount",
    "DurationCounts",
    "HourCount",
    "PairCount",
    "SpotCount",
    "Window",
    "cell_bounds",
]

CELLS_PER_DEG = 100
CELL_COLUMNS = 360 * CELLS_PER_DEG
MINUTES = 120
"""Durations are counted by the minute; those of two hours and more are counted as the last one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Which trips are counted: by the city's own calendar and clock, at pickup."""

    first: date | None = None
    """The first day; None: since the beginning."""
    last: date | None = None
    """The last day, itself included; None: up to now."""
    family: str | None = None
    """The kind of source; None: all."""
    hour: int | None = None
    """Of the day; None: all."""
    is_weekend: bool | None = None
    """Saturday and Sunday only, or the other days only; None: all."""

    def __post_init__(self) -> None:
        if self.first and self.last and self.first > self.last:
            raise Invalid(f"a window does not end on {self.last} when it begins on {self.first}")
        if self.hour is not None and not 0 <= self.hour < 24:
            raise Invalid(f"hours of a day are 0 to 23, not {self.hour}")


@dataclass(frozen=True, slots=True, kw_only=True)
class DayCount:
    day: date
    family: str
    trips: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HourCount:
    """Of an hour of the week: its trips, and how fast they were."""

    weekday: int
    """0 is Monday."""
    hour: int
    trips: int
    speed_km_h: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DurationCounts:
    """How long trips took."""

    trips: int
    by_minute: tuple[int, ...]
    """How many took up to one minute, up to two, and so on, :data:`MINUTES` of them."""
    median_s: float | None
    """None without any trip."""
    p10_s: float | None
    p90_s: float | None
    speed_km_h: float | None
    """Metered kilometres per hour of all trips with a believable distance; None where none has one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpotCount:
    """What began at a spot."""

    spot: int
    trips: int
    speed_km_h: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PairCount:
    """What went from one spot to another."""

    pickup: int
    dropoff: int
    trips: int
    median_s: float
    speed_km_h: float | None


def cell_bounds(spot: int) -> Bounds | None:
    """Where the cell is that *spot* names; None where it names a zone."""
    if spot >= 0:
        return None
    row, column = divmod(-spot - 1, CELL_COLUMNS)
    south_deg, west_deg = row / CELLS_PER_DEG - 90, column / CELLS_PER_DEG - 180
    return Bounds(
        south_deg=round(south_deg, 6),
        west_deg=round(west_deg, 6),
        north_deg=round(south_deg + 1 / CELLS_PER_DEG, 6),
        east_deg=round(west_deg + 1 / CELLS_PER_DEG, 6),
    )
