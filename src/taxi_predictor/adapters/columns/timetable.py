"""Asks a model at the knots around each departure and joins its answers, so that every engine is FIFO."""

from array import array
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import chain
from operator import itemgetter
from time import perf_counter
from typing import NamedTuple

import numpy as np
import polars as pl

from taxi_predictor.adapters.columns.arrays import (
    ARRAYS,
    Floats,
    as_column,
    encode_batch,
    encode_clock,
    frame,
)
from taxi_predictor.domain.arithmetic import SCALAR
from taxi_predictor.domain.city import City
from taxi_predictor.domain.departures import (
    KNOT_S,
    fastest_s,
    from_knots,
    join_knots_s,
    knots_behind,
    most_behind,
    slowest_s,
)
from taxi_predictor.domain.distribution import DurationDistribution, ScaledResiduals
from taxi_predictor.domain.explanation import CAUSE_OF, Cause, Explanation
from taxi_predictor.domain.features import (
    CLOCK_FEATURES,
    FEATURE_NAMES,
    FeatureEncoder,
    PlanValues,
    local_seconds,
    plan_values,
)
from taxi_predictor.domain.level import LiveLevel
from taxi_predictor.domain.model import BatchEstimate
from taxi_predictor.domain.trip import PlanBatch, TripPlan
from taxi_predictor.ports.outbound.watch import current_watch, timed

__all__ = ["Ask", "AskFew", "AskTrip", "Timetable"]

DISTANCE = FEATURE_NAMES.index("distance_km")
MINUTE = FEATURE_NAMES.index("minute_of_day")
"""The first of those that the clock makes."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
KNOT = timedelta(seconds=KNOT_S)
KNOT_US = KNOT_S * 1_000_000
KNOTS_KEPT = 4096

Ask = Callable[[Floats, int], tuple[Floats, Floats]]
"""What an engine knows: features of shape (trips, features) to centre and spread of ln(seconds).

The number says how many threads may work on it, 0 for one per core.
"""


AskFew = Callable[[Sequence[Sequence[float]]], Sequence[tuple[float, float]]]
"""What an engine knows of the knots of one trip: the features at each to centre and spread."""

AskTrip = Callable[[PlanValues[float], float, "array[float]", LiveLevel | None], Sequence[float]]
"""All of that for one trip: centre and spread of its plan, whose time is of no use.

It leaves at that share of the way between two knots, and the clock makes those features of them and of the
knots before them that may matter to any trip, oldest first.
"""


class Knots(NamedTuple):
    """What to ask about one departure."""

    rows: list[tuple[float, ...]]
    """All features at each knot, oldest first; the last two stand around the departure."""
    share: float
    """Of the way from the last knot but one to the last."""


class Timetable:
    """Turns what an engine says at knots into the duration of any departure.

    Args:
        city: its bounds on durations hold for every median.
        features: those that *ask* wants, in their order.
        residuals: how trips scatter around the median, which is the centre.
        ask: the engine.
        ask_few: the same engine where it has a quicker way to a few rows.
        ask_trip: the same where it also has one to all that is done here for one trip.
    """

    def __init__(
        self,
        city: City,
        features: Sequence[str],
        residuals: ScaledResiduals,
        ask: Ask,
        ask_few: AskFew | None = None,
        ask_trip: AskTrip | None = None,
    ) -> None:
        self._city = city
        self._ask = ask
        self._ask_trip = ask_trip
        self._ask_few = ask_few or self._as_of_many
        self._encoder = FeatureEncoder(city, SCALAR)
        self._tz = city.tz
        # Most trips of an hour leave between the same two knots.
        self._when = lru_cache(maxsize=KNOTS_KEPT)(self._features_at)
        self._clock_around = lru_cache(maxsize=KNOTS_KEPT)(self._features_around)
        self._most_behind = most_behind(city)
        self._names = features
        self._chosen = [FEATURE_NAMES.index(name) for name in features]
        self._choose = _chooser(self._chosen)
        # Where the clock's features stand among those that are asked with, and which of the clock's they are.
        self._clocked = [column for column, name in enumerate(features) if name in CLOCK_FEATURES]
        self._clock = [CLOCK_FEATURES.index(name) for name in features if name in CLOCK_FEATURES]
        self._residuals = residuals.centred()

    def estimate(
        self, plans: Sequence[TripPlan], level: LiveLevel | None
    ) -> list[DurationDistribution[float]]:
        """One distribution per plan, in their order."""
        if self._ask_trip is not None:
            return [self._answer(plan, level, self._ask_trip) for plan in plans]
        answers = []
        with timed("features"):
            knotted = [self._knots(plan) for plan in plans]
        with timed("model"):
            for knots in knotted:
                asked = self._ask_few([self._choose(row) for row in knots.rows])
                answers.append(self._joined(knots, asked, level))
        return answers

    def _answer(
        self, plan: TripPlan, level: LiveLevel | None, ask_trip: AskTrip
    ) -> DurationDistribution[float]:
        began_s = perf_counter()
        hour, since = divmod(plan.pickup_at - EPOCH, KNOT)
        values, clock = plan_values(plan, self._city, local_s=0.0), self._clock_around(hour)
        laid_out_s = perf_counter()
        mu, sigma = ask_trip(values, since / KNOT, clock, level)
        if watch := current_watch():
            watch.note("features", began_s, laid_out_s)
            watch.note("model", laid_out_s, perf_counter())
        return DurationDistribution(SCALAR, mu, sigma, self._residuals)

    def _as_of_many(self, rows: Sequence[Sequence[float]]) -> Sequence[tuple[float, float]]:
        # Waiting OpenMP threads cost few rows more than they help.
        centres, spreads = self._ask(np.array(rows), 1)
        return list(zip(centres.tolist(), spreads.tolist(), strict=True))

    def explain(
        self, plan: TripPlan, level: LiveLevel | None, contributions: Callable[[Floats], Floats]
    ) -> Explanation:
        """What made the median of *plan*.

        *contributions* takes features as the engine does, and gives shape (trips, features + 1): what
        each adds to the centre, and last what the centre is without any.
        """
        knots = self._knots(plan)
        around = knots.rows[-2:]
        shares = np.array([1 - knots.share, knots.share])
        with timed("model"):
            *logs, usual_log = (shares @ contributions(np.array(around)[:, self._chosen])).tolist()
        by_cause = dict.fromkeys(Cause, 0.0)
        for name, value in zip(self._names, logs, strict=True):
            for cause in CAUSE_OF[name]:
                by_cause[cause] += value / len(CAUSE_OF[name])
        if level is not None:
            levels = [level.of(SCALAR, row[DISTANCE], row[MINUTE]) for row in around]
            by_cause[Cause.LEVEL] = float(shares @ levels)
        [answer] = self.estimate([plan], level)
        by_cause[Cause.CALIBRATION] = answer.mu - usual_log - sum(by_cause.values())
        return Explanation.of(usual_log, by_cause)

    def estimate_batch(self, plans: PlanBatch, level: LiveLevel | None) -> BatchEstimate:
        """The same estimates in columns."""
        city = self._city
        with timed("features"):
            features = encode_batch(plans, city)
        distance_km = np.asarray(features["distance_km"])
        low_s = np.asarray(fastest_s(ARRAYS, features["distance_km"], city))
        high_s = np.asarray(slowest_s(ARRAYS, features["distance_km"], city))
        behind = np.asarray(knots_behind(ARRAYS, as_column(high_s)))
        pickup_us = frame(plans.table)["pickup_at"].cast(pl.Datetime("us", "UTC")).to_physical().to_numpy()
        before_us = pickup_us // KNOT_US * KNOT_US
        share = (pickup_us - before_us) / KNOT_US

        rows = np.column_stack([np.asarray(features[name]) for name in self._names])
        # Many trips, few knots: what holds at a knot is computed once.
        knots_us, knot_of = np.unique(before_us, return_inverse=True)
        agos = range(int(behind.max()), -2, -1)
        passed_us = knots_us - np.array(agos)[:, np.newaxis] * KNOT_US
        with timed("features"):
            clock_us, clock_at = np.unique(passed_us, return_inverse=True)
            clocks = encode_clock(clock_us, city)

        knots_s, sigma = [], np.zeros(len(rows))
        for ago, clock_of in zip(agos, clock_at.reshape(passed_us.shape), strict=True):
            asked = np.flatnonzero(behind >= ago)
            clock = clocks[clock_of[knot_of[asked]]]
            at_knot = rows[asked]
            at_knot[:, self._clocked] = clock[:, self._clock]
            with timed("model"):
                mu, spread = self._ask(at_knot, 0)
            if level is not None:
                minute = as_column(clock[:, 0])
                mu = mu + np.asarray(level.of(ARRAYS, as_column(distance_km[asked]), minute))
            seconds = np.zeros(len(rows))  # at a knot that is not asked nobody leaves
            seconds[asked] = np.clip(np.exp(mu), low_s[asked], high_s[asked])
            knots_s.append(as_column(seconds))
            if ago <= 0:
                sigma += spread * (1 - share if ago == 0 else share)
        joined_s = join_knots_s(ARRAYS, knots_s, as_column(share))
        distribution = DurationDistribution(ARRAYS, ARRAYS.log(joined_s), as_column(sigma), self._residuals)
        return BatchEstimate(ARRAYS, distribution, features)

    def _knots(self, plan: TripPlan) -> Knots:
        where = self._encoder.where(plan_values(plan, self._city, local_s=0.0))  # the clock is the knots'
        hour, since = divmod(plan.pickup_at - EPOCH, KNOT)
        behind = int(knots_behind(SCALAR, slowest_s(SCALAR, where[DISTANCE], self._city)))
        rows = [where + self._when(hour + ahead) for ahead in range(-behind, 2)]
        return Knots(rows, since / KNOT)

    def _features_at(self, hour: int) -> tuple[float, ...]:
        """What the clock makes of the knot *hour*, counted from 1970 on."""
        return self._encoder.when(local_seconds(EPOCH + hour * KNOT, self._tz))

    def _features_around(self, hour: int) -> "array[float]":
        """What it makes of the knot *hour*, the next one and all before that may matter, oldest first."""
        return array("d", chain.from_iterable(map(self._when, range(hour - self._most_behind, hour + 2))))

    def _joined(
        self, knots: Knots, asked: Sequence[tuple[float, float]], level: LiveLevel | None
    ) -> DurationDistribution[float]:
        """The answer between what was *asked*: centre and spread at each knot."""
        distance_km = knots.rows[0][DISTANCE]
        mus = [mu for mu, _ in asked]
        if level is not None:
            levels = (level.of(SCALAR, distance_km, row[MINUTE]) for row in knots.rows)
            mus = [mu + shift for mu, shift in zip(mus, levels, strict=True)]
        spreads = [sigma for _, sigma in asked[-2:]]
        mu, sigma = from_knots(SCALAR, self._city, distance_km, knots.share, mus, spreads)
        return DurationDistribution(SCALAR, mu, sigma, self._residuals)


def _chooser(places: Sequence[int]) -> Callable[[tuple[float, ...]], tuple[float, ...]]:
    """What picks the values at *places*; itemgetter alone gives no tuple for one of them."""
    if len(places) == 1:
        [place] = places
        return lambda row: (row[place],)
    return itemgetter(*places)
