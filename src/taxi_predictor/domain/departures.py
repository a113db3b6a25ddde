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
from math import inf
from typing import TypeVar

from taxi_predictor.domain.arithmetic import SCALAR, Arithmetic, Quantity
from taxi_predictor.domain.city import City

__all__ = [
    "KNOT_S",
    "farthest_km",
    "fastest_s",
    "from_knots",
    "join_knots_s",
    "knots_behind",
    "most_behind",
    "slowest_s",
]

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


def knots_behind(m: Arithmetic[N], slowest_s: N) -> N:
    """How many knots before the one at the departure matter to a trip of at most *slowest_s*."""
    return m.ceil(slowest_s / KNOT_S) - 1


def most_behind(city: City) -> int:
    """The same for the longest trip that there is."""
    return int(knots_behind(SCALAR, slowest_s(SCALAR, inf, city)))


def from_knots(
    m: Arithmetic[N],
    city: City,
    distance_km: N,
    share: N,
    centres: Sequence[N],
    spreads: Sequence[N],
) -> tuple[N, N]:
    """Centre and spread of ln(seconds) of one departure, from those when leaving at knots.

    Args:
        m: the arithmetic of one departure.
        city: its bounds on durations hold for the median, which is the centre.
        distance_km: of the straight line.
        share: of the way from the last knot but one to the last, 0 to 1.
        centres: at each knot that matters, oldest first; the live level is in them.
        spreads: at the last two of them.
    """
    low_s, high_s = fastest_s(m, distance_km, city), slowest_s(m, distance_km, city)
    seconds = join_knots_s(m, [m.clip(m.exp(centre), low_s, high_s) for centre in centres], share)
    before, after = spreads
    return m.log(seconds), before * (1 - share) + after * share


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
