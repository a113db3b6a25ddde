"""The bands that live error, bias and coverage stay in as long as the city is as the model learned it.

The centre of a band is what the model did on its validation days. Its width is stated here: the smallest
round numbers that no calm week left, of yellow taxis in 2019 and of green ones in 2023 after models that
were frozen the year before, whichever of their months made the centre (docs/adr/0016). Seasons and holidays
move a sound model that far; a city that changed moves it farther.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from math import sqrt
from operator import add
from statistics import fmean

from taxi_predictor.domain.evaluation import Tally
from taxi_predictor.domain.reference import Band, Measure

__all__ = ["FEWEST_TRIPS", "Standing", "bands", "standing"]

WORSE_ERROR = 0.30
"""The tolerated rise of the mean absolute error, as a share of it."""
BIAS_SHARE = 0.15
"""The tolerated move of the bias to either side, as a share of the mean duration."""
COVERAGE = 0.08
"""The tolerated move of the coverage to either side; the gate allows as much (see PromotionPolicy)."""
FEWEST_TRIPS = 200
"""With fewer trips nothing is said: a few absurd ones among them would decide."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where a live measure stands against its band."""

    measure: Measure
    value: float
    error: float
    """Standard error of *value*."""
    trips: int
    band: Band

    @property
    def is_enough(self) -> bool:
        return self.trips >= FEWEST_TRIPS

    @property
    def is_out(self) -> bool:
        """Whether it left its band, with enough trips to say so."""
        return self.is_enough and self.band.is_left_by(self.value, self.error)


def bands(days: Sequence[Tally]) -> Mapping[Measure, Band]:
    """The bands of a model, of what it did on each of some days, at least one, that it had not seen.

    How days scatter is the variance of their values without what their numbers of trips explain (the
    unweighted method of moments: W. Cochran, "The Combination of Estimates from Different Experiments",
    1954); of a single day that is nothing.
    """
    total = reduce(add, days)
    actual_s = total.actual_s / total.n
    found = {}
    for measure in Measure:
        centre, _ = _value(measure, total)
        match measure:
            case Measure.MAE:
                # An error cannot be too small.
                lower, upper = 0.0, centre * (1 + WORSE_ERROR)
            case Measure.BIAS:
                lower, upper = centre - BIAS_SHARE * actual_s, centre + BIAS_SHARE * actual_s
            case Measure.COVERAGE:
                lower, upper = centre - COVERAGE, min(centre + COVERAGE, 1.0)
        found[measure] = Band(lower=lower, upper=upper, day_deviation=_between_days(measure, days))
    return found


def standing(measure: Measure, band: Band, live: Tally, *, days: float) -> Standing:
    """Where *live*, the trips of so many *days* (:attr:`.LiveSums.whole_days`), stands.

    The standard error is sqrt(s^2 / n + d^2 / days) for n trips whose values scatter by s, on days that
    scatter by d beyond that: trips of one day share its weather.
    """
    value, variance = _value(measure, live)
    error = sqrt(variance / live.n + band.day_deviation**2 / max(days, 1))
    return Standing(measure=measure, value=value, error=error, trips=round(live.n), band=band)


def _value(measure: Measure, tally: Tally) -> tuple[float, float]:
    """The measure of some trips, and the variance of what single ones bring to it."""
    n = tally.n
    match measure:
        case Measure.MAE:
            value, square = tally.abs_error_s / n, tally.squared_error_s2 / n
        case Measure.BIAS:
            value, square = tally.error_s / n, tally.squared_error_s2 / n
        case Measure.COVERAGE:
            value = square = tally.covered / n
    return value, max(square - value * value, 0.0)


def _between_days(measure: Measure, days: Sequence[Tally]) -> float:
    known = [(_value(measure, day), day.n) for day in days if day.n >= 2]
    if len(known) < 2:
        return 0.0
    middle = fmean(value for (value, _), _ in known)
    spread = sum((value - middle) ** 2 for (value, _), _ in known) / (len(known) - 1)
    explained = fmean(variance / n for (_, variance), n in known)
    return sqrt(max(spread - explained, 0.0))
