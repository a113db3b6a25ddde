"""Leaving later never arrives earlier (FIFO), at any departure.

Trees know steps, not slopes: asked minute by minute they let a car that leaves at 8:31 overtake one that
left at 8:29. So a model is asked at knots only, one on every full hour of UTC, and between two knots
the duration is a straight line in seconds.

An arrival at a knot is the latest over the knots before it too. How many count is bounded: no median is
longer than :func:`slowest_s`, so a car that left more than that before has arrived. Between two
knots a line joins two arrivals of which the second is never earlier, so it never falls: FIFO holds
for every plan, and the duration has no jump in time.

FIFO networks: D. E. Kaufman and R. L. Smith, "Fastest paths in time-dependent networks", 1993.
"""

from collections.abc import Sequence
from math import ceil, inf
from typing import TypeVar

from taxi_predictor.domain.arithmetic import Arithmetic, Quantity
from taxi_predictor.domain.city import City

__all__ = ["KNOT_S", "farthest_km", "fastest_s", "join_knots_s", "knots_behind", "slowest_s"]

N = TypeVar("N", bound=Quantity)

KNOT_S = 3600
SLOWEST_KM_H = 5.0
"""Along the straight line. Nobody plans a taxi ride that is slower than walking."""


def fastest_s(m: Arithmetic[N], distance_km: N, city: City) -> N:
    """The least seconds that a median may be: those of the fastest believable car."""
    believable = city.plausibility
    seconds = distance_km * (3600 / believable.max_speed_km_h)
    return m.clip(seconds, believable.min_duration_s, believable.max_duration_s)


def farthest_km(duration_s: float, city: City) -> float:
    """How far the fastest believable car comes: no median of *duration_s* or less leads farther."""
    believable = city.plausibility
    return inf if duration_s >= believable.max_duration_s else duration_s / 3600 * believable.max_speed_km_h


def slowest_s(m: Arithmetic[N], distance_km: N, city: City) -> N:
    """The most seconds that a median may be: an hour, or those of a walk."""
    longest_s = city.plausibility.max_duration_s
    return m.clip(distance_km * (3600 / SLOWEST_KM_H), min(KNOT_S, longest_s), longest_s)


def knots_behind(slowest_s: float) -> int:
    """How many knots before the one at the departure matter to a trip of at most *slowest_s*."""
    return ceil(slowest_s / KNOT_S) - 1


def join_knots_s(m: Arithmetic[N], knots_s: Sequence[N], share: N) -> N:
    """The duration of a departure between the last two of *knots_s*.

    Args:
        m: the arithmetic of one departure, or of many.
        knots_s: seconds when leaving at each knot, oldest first, one every :data:`KNOT_S`.
        share: of the way from the last knot but one to the last, 0 to 1.
    """
    *behind, here_s, next_s = knots_s
    for knots_ago, earlier_s in enumerate(reversed(behind), 1):
        left_s = earlier_s - knots_ago * KNOT_S
        here_s = m.where(left_s > here_s, left_s, here_s)
    next_s = m.where(here_s - KNOT_S > next_s, here_s - KNOT_S, next_s)
    return here_s + (next_s - here_s) * share
