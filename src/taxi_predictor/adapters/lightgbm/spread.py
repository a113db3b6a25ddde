"""How certain each trip is: a booster whose value four of five absolute residuals stay below."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from taxi_predictor.adapters.lightgbm.engine import lightgbm
from taxi_predictor.adapters.lightgbm.growing import grow
from taxi_predictor.adapters.lightgbm.recipe import FOLD_RECIPE, FOLD_ROUNDS, SPREAD_RECIPE, SPREAD_ROUNDS
from taxi_predictor.adapters.lightgbm.rows import TrainingRows
from taxi_predictor.domain.features import SEASONAL_FEATURES

__all__ = ["SPREAD_STEPS", "grow_spread"]

SPREAD_STEPS = 2 * FOLD_ROUNDS + SPREAD_ROUNDS
STRETCHES = 100
FOLD_TRIPS = 150_000
"""Trips of each half; more of them would say nothing new about the spread."""
LEFT_OUT = (*SEASONAL_FEATURES, "is_holiday", "days_to_holiday")
"""A year or two say how one season went, not how sure one can be of the next."""


def grow_spread(rows: TrainingRows, *, seed: int, advance: Callable[[float], None]) -> lightgbm.Booster:
    """Learn from the fit window; *advance* hears of :data:`SPREAD_STEPS` trees.

    Residuals of trips that a model has learned from are too small. So two helpers, each of which sees
    every other stretch of time, answer for the stretches that they have not seen (cross-fitting;
    V. Chernozhukov et al., "Double/debiased machine learning", 2018).
    """
    window = rows.fitted
    rng = np.random.default_rng(seed)
    asked, residuals = [], []
    for fold in (0, 1):
        learned, unseen = _sample(rng, len(window), 1 - fold), _sample(rng, len(window), fold)
        helper = grow(
            FOLD_RECIPE,
            window.features.take(learned),
            window.log_s.take(learned)[:, 0],
            names=rows.names,
            seed=seed,
            rounds=FOLD_ROUNDS,
            advance=advance,
        )
        features = window.features.take(unseen)
        asked.append(features)
        residuals.append(np.abs(window.log_s.take(unseen)[:, 0] - np.asarray(helper.predict(features))))
    unseen_features = np.vstack(asked)
    # A constant column is never split on.
    unseen_features[:, [place for place, name in enumerate(rows.names) if name in LEFT_OUT]] = 0.0
    return grow(
        SPREAD_RECIPE,
        unseen_features,
        np.concatenate(residuals),
        names=rows.names,
        seed=seed,
        rounds=SPREAD_ROUNDS,
        advance=advance,
    )


def _sample(rng: np.random.Generator, rows: int, half: int) -> NDArray[np.int64]:
    """The places of one *half* of *rows* in order, or of a fair sample where there are many.

    Stretches alternate between the halves, so that both see every season.
    """
    edges = -(-np.arange(STRETCHES + 1) * rows // STRETCHES)
    starts, sizes = edges[half:-1:2], np.diff(edges)[half::2]
    before = np.cumsum(sizes) - sizes
    members = np.arange(sizes.sum())
    if len(members) > FOLD_TRIPS:
        members = np.sort(rng.choice(len(members), FOLD_TRIPS, replace=False))
    stretch = np.searchsorted(before, members, side="right") - 1
    places: NDArray[np.int64] = members - before[stretch] + starts[stretch]
    return places
