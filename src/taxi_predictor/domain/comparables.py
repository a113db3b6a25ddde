"""Past trips like one that is planned: how unlike two trips are, and what the most similar ones took.

How unlike is said in kilometres, so that everything can be added up: the great circles between the two
pickups and between the two drop-offs, and what a difference of time counts as. The terms and weights
are a convention, chosen so that place decides first and the hour among trips of the same places:

* 0.25 km per hour between the two hours of the week, the shorter way round it, at most 2 km;
* 1 km where one is on a weekend and the other is not (a holiday counts as its weekday);
* 0.25 km per year of age, so that of two equals the newer comes first.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from math import cos, radians
from statistics import quantiles
from zoneinfo import ZoneInfo

from taxi_predictor.domain.arithmetic import SCALAR
from taxi_predictor.domain.features import KM_PER_DEG
from taxi_predictor.domain.place import Bounds, Point, great_circle_km
from taxi_predictor.domain.trip import FinishedTrip, TripPlan

__all__ = ["Comparable", "Comparables", "Likeness", "box_around"]

KM_PER_HOUR = 0.25
MAX_HOURS_KM = 2.0
OTHER_KIND_OF_DAY_KM = 1.0
KM_PER_YEAR = 0.25
HOURS_OF_WEEK = 7 * 24
YEAR = timedelta(days=365.25)
SATURDAY = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparable:
    """A trip that ended, beside the one that is planned."""

    trip: FinishedTrip
    pickup_km: float
    """Between the two pickups."""
    dropoff_km: float
    """Between the two drop-offs."""
    score: float
    """How unlike they are, in kilometres: the lower, the more alike."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparables:
    """The most similar trips, best first, out of *considered* that were looked at."""

    trips: tuple[Comparable, ...]
    considered: int

    @property
    def spread_s(self) -> tuple[float, float, float] | None:
        """The durations that 10, 50 and 90 % of the chosen trips stay below; None if there are none."""
        durations_s = [found.trip.duration_s for found in self.trips]
        if not durations_s:
            return None
        if len(durations_s) == 1:
            durations_s *= 2  # of one trip there is no quantile to the standard library
        deciles = quantiles(durations_s, n=10, method="inclusive")
        return deciles[0], deciles[4], deciles[8]


class Likeness:
    """Compares past trips with *plan*, on the clock of *tz*."""

    def __init__(self, plan: TripPlan, tz: ZoneInfo) -> None:
        self._plan = plan
        self._tz = tz
        self._hour, self._is_weekend = _in_week(plan.pickup_at, tz)

    def to(self, trip: FinishedTrip) -> Comparable:
        """*trip* with its distances and its score."""
        plan = self._plan
        pickup_km = _between_km(plan.pickup.point, trip.plan.pickup.point)
        dropoff_km = _between_km(plan.dropoff.point, trip.plan.dropoff.point)
        hour, is_weekend = _in_week(trip.plan.pickup_at, self._tz)
        apart = abs(hour - self._hour)
        score = pickup_km + dropoff_km
        score += min(min(apart, HOURS_OF_WEEK - apart) * KM_PER_HOUR, MAX_HOURS_KM)
        score += OTHER_KIND_OF_DAY_KM if is_weekend is not self._is_weekend else 0.0
        score += abs(plan.pickup_at - trip.plan.pickup_at) / YEAR * KM_PER_YEAR
        return Comparable(trip=trip, pickup_km=pickup_km, dropoff_km=dropoff_km, score=score)


def box_around(point: Point, reach_km: float) -> Bounds:
    """The box that reaches *reach_km* from *point* to each side, or to the edge of the map."""
    north_deg = reach_km / KM_PER_DEG
    east_deg = north_deg / max(cos(radians(point.lat_deg)), 0.01)
    return Bounds(
        south_deg=max(point.lat_deg - north_deg, -90.0),
        west_deg=max(point.lon_deg - east_deg, -180.0),
        north_deg=min(point.lat_deg + north_deg, 90.0),
        east_deg=min(point.lon_deg + east_deg, 180.0),
    )


def _in_week(at: datetime, tz: ZoneInfo) -> tuple[float, bool]:
    """Hours since Monday began on the wall clock, and whether it is a weekend."""
    local = at.astimezone(tz)
    weekday = local.weekday()
    return weekday * 24 + local.hour + local.minute / 60 + local.second / 3600, weekday >= SATURDAY


def _between_km(one: Point, other: Point) -> float:
    return great_circle_km(SCALAR, one.lat_deg, one.lon_deg, other.lat_deg, other.lon_deg)
