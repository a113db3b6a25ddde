"""The live level: how much slower or faster the city is now than a model expects, from ended trips.

A model learned how a city was. When the city changes (a lockdown, a strike, a snow storm), the
residuals of the trips that have just ended say so long before a new model can be trained. The level is
their exponentially weighted mean, city-wide, and what trips of one distance class and part of the day
show beyond it; both shrunk towards none while few trips speak (exponential smoothing: R. G. Brown,
1959; shrinkage as in empirical Bayes).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import fmean, median
from typing import NamedTuple, TypeVar

from taxi_predictor.domain.arithmetic import Arithmetic, Quantity
from taxi_predictor.domain.errors import Invalid
from taxi_predictor.domain.strata import DISTANCE_CLASSES, PARTS_OF_DAY, distance_class, part_of_day

__all__ = [
    "BOUND",
    "MEMORY",
    "STALE_AFTER",
    "STRATA",
    "Ended",
    "LevelTracker",
    "LiveLevel",
    "calm_reference",
    "stratum",
]

N = TypeVar("N", bound=Quantity)

STRATA = DISTANCE_CLASSES * PARTS_OF_DAY
BOUND = 0.7
"""Of a residual of ln(seconds), and of the level: no more than twice as slow or as fast."""
CITY_HALF_LIFE_S = 7 * 86_400
STRATUM_HALF_LIFE_S = 14 * 86_400
PRIOR_TRIPS = 50
"""As many trips as have to speak before a mean counts half."""
MEMORY = timedelta(days=56)
"""Trips that ended longer ago are left out: they would weigh a sixteenth or less."""

STALE_AFTER = timedelta(days=7)
"""A level that was measured longer ago says nothing about now."""


def stratum(m: Arithmetic[N], distance_km: N, minute_of_day: N) -> N:
    """The number of a trip's distance class and part of the day, from 0 to :data:`STRATA` - 1."""
    return distance_class(m, distance_km) * PARTS_OF_DAY + part_of_day(m, minute_of_day)


class Ended(NamedTuple):
    """What a trip that ended tells: *log_residual* is ln(actual) - ln(predicted median)."""

    ended_s: float
    """Seconds since 1970-01-01 UTC."""
    stratum: int
    log_residual: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveLevel:
    """What is added to ln(seconds) of trips of each stratum."""

    as_of: datetime
    """No trip that ended later has a part in it."""
    trips: int
    """How many have."""
    city: float
    """City-wide, before what each stratum adds."""
    strata: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.strata) != STRATA or not all(-BOUND <= level <= BOUND for level in self.strata):
            raise Invalid(f"a live level has {STRATA} values within {BOUND} of zero")

    def of(self, m: Arithmetic[N], distance_km: N, minute_of_day: N) -> N:
        """The level of one trip, or of many as columns."""
        return m.take(self.strata, stratum(m, distance_km, minute_of_day))


def calm_reference(ended: Iterable[Ended]) -> tuple[float, ...]:
    """What counts as level zero in each stratum, from trips that a model had not seen.

    A mean of residuals isn't zero in calm days: durations have a longer tail above the median than below.
    So it is the distance of their mean from their median, and not the mean itself: how far these trips
    lay off as a whole says something of them, and nothing of the days to come.
    """
    strata: list[list[float]] = [[] for _ in range(STRATA)]
    for trip in ended:
        strata[trip.stratum].append(_clipped(trip.log_residual))
    everywhere = _skew([residual for residuals in strata for residual in residuals])
    return tuple(
        (len(residuals) * _skew(residuals) + PRIOR_TRIPS * everywhere) / (len(residuals) + PRIOR_TRIPS)
        for residuals in strata
    )


def _skew(residuals: Sequence[float]) -> float:
    return fmean(residuals) - median(residuals) if residuals else 0.0


class LevelTracker:
    """Follows the level through time, in sums that fade: each trip is looked at once."""

    def __init__(self, reference: Sequence[float]) -> None:
        self._reference = reference
        self._as_of_s: float | None = None
        self._trips = 0
        self._city = _FadingMean(CITY_HALF_LIFE_S)
        self._city_slow = _FadingMean(STRATUM_HALF_LIFE_S)
        self._strata = [_FadingMean(STRATUM_HALF_LIFE_S) for _ in range(STRATA)]

    def advance(self, as_of: datetime, ended: Iterable[Ended]) -> LiveLevel:
        """Move on to *as_of* and take in the trips that ended since the last call, in any order.

        Raises:
            Invalid: *as_of* lies before the last one, or a trip ended after *as_of*.
        """
        now_s = as_of.timestamp()
        passed_s = 0.0 if self._as_of_s is None else now_s - self._as_of_s
        if passed_s < 0:
            raise Invalid("a live level moves forward in time only")
        for mean in (self._city, self._city_slow, *self._strata):
            mean.fade(passed_s)
        for trip in ended:
            age_s = now_s - trip.ended_s
            if age_s < 0:
                raise Invalid("a trip that has not ended has no part in the live level")
            residual = _clipped(trip.log_residual) - self._reference[trip.stratum]
            for mean in (self._city, self._city_slow, self._strata[trip.stratum]):
                mean.add(residual, age_s)
            self._trips += 1
        self._as_of_s = now_s
        city, city_slow = self._city.shrunk(), self._city_slow.shrunk()
        return LiveLevel(
            as_of=as_of,
            trips=self._trips,
            city=city,
            strata=tuple(_clipped(city + mean.shrunk(beyond=city_slow)) for mean in self._strata),
        )


class _FadingMean:
    """A mean in which a value weighs half as much after each half-life."""

    __slots__ = ("_half_life_s", "_total", "_weight")

    def __init__(self, half_life_s: float) -> None:
        self._half_life_s = half_life_s
        self._weight = self._total = 0.0

    def fade(self, passed_s: float) -> None:
        factor = 0.5 ** (passed_s / self._half_life_s)
        self._weight *= factor
        self._total *= factor

    def add(self, value: float, age_s: float) -> None:
        weight = 0.5 ** (age_s / self._half_life_s)
        self._weight += weight
        self._total += weight * value

    def shrunk(self, *, beyond: float = 0.0) -> float:
        """How far the mean lies beyond a value, as if :data:`PRIOR_TRIPS` more trips lay at it."""
        return (self._total - self._weight * beyond) / (self._weight + PRIOR_TRIPS)


def _clipped(x: float) -> float:
    return min(max(x, -BOUND), BOUND)
