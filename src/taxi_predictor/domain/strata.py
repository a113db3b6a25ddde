"""How trips are grouped where a few numbers must stand for many: by distance and part of the day."""

from typing import TypeVar

from taxi_predictor.domain.arithmetic import Arithmetic, Quantity

__all__ = [
    "DISTANCE_CLASSES",
    "DISTANCE_NAMES",
    "PARTS_OF_DAY",
    "PART_NAMES",
    "distance_class",
    "part_of_day",
]

N = TypeVar("N", bound=Quantity)

DISTANCE_CUTS_KM = (1.0, 3.0, 8.0)
DISTANCE_CLASSES = len(DISTANCE_CUTS_KM) + 1
DISTANCE_NAMES = ("under 1 km", "1 to 3 km", "3 to 8 km", "8 km or more")
PART_STARTS_MIN = (6 * 60, 10 * 60, 16 * 60, 20 * 60)
PARTS_OF_DAY = len(PART_STARTS_MIN) + 1
PART_NAMES = ("before 6:00", "6:00 to 10:00", "10:00 to 16:00", "16:00 to 20:00", "from 20:00")


def distance_class(m: Arithmetic[N], distance_km: N) -> N:
    """0 under 1 km, 1 under 3 km, 2 under 8 km, else 3; of the straight line."""
    return _cuts_passed(m, distance_km, DISTANCE_CUTS_KM)


def part_of_day(m: Arithmetic[N], minute_of_day: N) -> N:
    """0 before 6:00, 1 before 10:00, 2 before 16:00, 3 before 20:00, else 4."""
    return _cuts_passed(m, minute_of_day, PART_STARTS_MIN)


def _cuts_passed(m: Arithmetic[N], x: N, cuts: tuple[float, ...]) -> N:
    passed = m.where(x >= cuts[0], 1.0, 0.0)
    for cut in cuts[1:]:
        passed = passed + m.where(x >= cut, 1.0, 0.0)
    return passed
