"""The median of everything, and two tables that look a trip up by its zones, time and distance."""

import numpy as np
import polars as pl

from taxi_predictor.adapters.baselines.keys import GroupTable, Keys, Whole, keys_of
from taxi_predictor.adapters.columns.arrays import Floats, as_column
from taxi_predictor.domain.arithmetic import Column
from taxi_predictor.domain.city import City
from taxi_predictor.domain.strata import PARTS_OF_DAY
from taxi_predictor.domain.trip import PlanBatch
from taxi_predictor.ports.outbound.baselines import Baseline

__all__ = ["GlobalMedian", "OdMedian", "ShrunkLookup", "shrunken_means"]

MIN_TRIPS = 5
QUANTILES = 60
PASSES = 3
MAX_RESIDUAL = 1.0
SHRINKAGE = (40.0, 40.0, 30.0, 30.0, 30.0, 30.0, 6.0, 12.0)  # in the order of _effects


class GlobalMedian(Baseline):
    name = "global median"

    def __init__(self, duration_s: Floats) -> None:
        self._median_s = float(np.median(duration_s))

    def duration_s(self, plans: PlanBatch, /) -> Column:
        return as_column(np.full(len(plans), self._median_s))


class OdMedian(Baseline):
    """The median of the most alike trips of which there are enough.

    Those of the zone pair, 3 hours and weekend or not; else of the pair; else of the pickup zone, 3 hours
    and weekend or not; else of all. The clock is the city's; the weekend is Saturday and Sunday.
    """

    name = "OD median"

    def __init__(self, city: City, zones: Whole, keys: Keys, duration_s: Floats) -> None:
        self._city, self._zones = city, zones
        self._tables = [_medians(key, duration_s) for key in self._levels(keys)]
        self._median_s = float(np.median(duration_s))

    def duration_s(self, plans: PlanBatch, /) -> Column:
        answer = np.full(len(plans), self._median_s)
        levels = self._levels(keys_of(plans, self._city, self._zones))
        for table, key in reversed(list(zip(self._tables, levels, strict=True))):
            found = table(key)
            answer = np.where(np.isnan(found), answer, found)
        return as_column(answer)

    def _levels(self, keys: Keys) -> tuple[Whole, ...]:
        pair = keys.pickup * (len(self._zones) + 1) + keys.dropoff
        time = keys.hour // 3 * 2 + keys.weekend
        return pair * 16 + time, pair, keys.pickup * 16 + time


class ShrunkLookup(Baseline):
    """ln(seconds) by a curve over the distance and shrunken effects of time and zones.

    The effects are fitted by turns (backfitting: Friedman and Stuetzle, "Projection Pursuit Regression",
    1981): in each of three passes every effect is fitted anew to what all others leave, so an effect
    takes back what it gave too much. What is left after the last pass gives the level, its median.
    A group that was not seen has no effect. Hours and weekends are those of the city's clock.
    """

    name = "shrunk lookup"

    def __init__(self, city: City, zones: Whole, keys: Keys, duration_s: Floats) -> None:
        self._city, self._zones = city, zones
        log_s = np.log(duration_s)
        self._xs, self._ys = _curve(keys.distance_km, log_s)
        left = log_s - np.interp(keys.distance_km, self._xs, self._ys)
        groups = [np.unique(key, return_inverse=True) for key in self._effects(keys)]
        effects = [np.zeros(len(known)) for known, _ in groups]
        for _ in range(PASSES):
            for number, ((_, group), k) in enumerate(zip(groups, SHRINKAGE, strict=True)):
                left += effects[number][group]
                effects[number] = shrunken_means(left, group, k)
                left -= effects[number][group]
        self._tables = [
            GroupTable(known, effect, 0.0) for (known, _), effect in zip(groups, effects, strict=True)
        ]
        self._level = float(np.median(left))

    def duration_s(self, plans: PlanBatch, /) -> Column:
        keys = keys_of(plans, self._city, self._zones)
        log_s = self._level + np.interp(keys.distance_km, self._xs, self._ys)
        for table, key in zip(self._tables, self._effects(keys), strict=True):
            log_s += table(key)
        return as_column(np.exp(log_s))

    def _effects(self, keys: Keys) -> tuple[Whole, ...]:
        parts = 2 * PARTS_OF_DAY
        pair = keys.pickup * (len(self._zones) + 1) + keys.dropoff
        return (
            keys.hour_of_week,
            keys.hour_of_week_distance,
            keys.pickup,
            keys.dropoff,
            keys.pickup * parts + keys.part,
            keys.dropoff * parts + keys.part,
            pair,
            pair * parts + keys.part,
        )


def shrunken_means(residuals: Floats, group: Whole, k: float) -> Floats:
    """The mean of each group, residuals clipped to +-1, times n / (n + k).

    As if each group had *k* trips more, without residual. Groups are numbered from 0 on, none empty.
    """
    clipped = np.clip(residuals, -MAX_RESIDUAL, MAX_RESIDUAL)
    return np.bincount(group, clipped) / (np.bincount(group) + k)


def _medians(key: Whole, duration_s: Floats) -> GroupTable:
    """The median of each group with enough trips."""
    groups = (
        pl.DataFrame({"key": key, "s": duration_s})
        .group_by("key")
        .agg(pl.len().alias("n"), pl.col("s").median())
        .filter(pl.col("n") >= MIN_TRIPS)
    )
    return GroupTable(groups["key"].to_numpy(), groups["s"].to_numpy())


def _curve(distance_km: Floats, log_s: Floats) -> tuple[Floats, Floats]:
    """The median distance and the median ln(seconds) between neighbouring ones of 61 quantiles of distance.

    Between two of these points :func:`numpy.interp` draws a line, beyond the outermost it stays level.
    """
    edges = np.unique(np.quantile(distance_km, np.linspace(0, 1, QUANTILES + 1)))
    place = np.searchsorted(edges[1:-1], distance_km, side="right")
    medians = (
        pl.DataFrame({"place": place, "x": distance_km, "y": log_s})
        .group_by("place")
        .agg(pl.col("x", "y").median())
        .sort("place")
    )
    return medians["x"].to_numpy(), medians["y"].to_numpy()
