"""How sure one can be of each trip: a booster within whose value lie four of five absolute residuals."""

from collections.abc import Callable
from typing import Any

import numpy as np

from taxi_predictor.adapters.lightgbm.engine import lightgbm
from taxi_predictor.adapters.lightgbm.recipe import FOLD_RECIPE, FOLD_ROUNDS, SPREAD_RECIPE, SPREAD_ROUNDS
from taxi_predictor.adapters.lightgbm.rows import Flags, TrainingRows, grow
from taxi_predictor.domain.features import SEASONAL_FEATURES

__all__ = ["SPREAD_STEPS", "grow_spread"]

SPREAD_STEPS = 2 * FOLD_ROUNDS + SPREAD_ROUNDS
STRETCHES = 100
FOLD_TRIPS = 150_000
"""Of each half; so many say all there is to learn of the spread."""
LEFT_OUT = (*SEASONAL_FEATURES, "is_holiday", "days_to_holiday")
"""A year or two say how one season went, not how sure one can be of the next."""


def grow_spread(rows: TrainingRows, *, seed: int, advance: Callable[[float], None]) -> lightgbm.Booster:
    """Learn from the fit window; *advance* hears of :data:`SPREAD_STEPS` trees.

    Residuals of trips that a model has learned from are too small. So two helpers, each of which sees
    every other stretch of time, answer for the stretches that they have not seen (cross-fitting;
    V. Chernozhukov et al., "Double/debiased machine learning", 2018).
    """
    features, log_s = rows.fitted
    rng = np.random.default_rng(seed)
    # Stretches alternate, so that both halves see every season.
    half = np.arange(len(log_s)) * STRETCHES // len(log_s) % 2
    asked, residuals = [], []
    for fold in (0, 1):
        learned, unseen = _sample(rng, half != fold), _sample(rng, half == fold)
        helper = grow(
            FOLD_RECIPE,
            features[learned],
            log_s[learned],
            names=rows.names,
            seed=seed,
            rounds=FOLD_ROUNDS,
            advance=advance,
        )
        asked.append(features[unseen])
        residuals.append(np.abs(log_s[unseen] - np.asarray(helper.predict(features[unseen]))))
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


def _sample(rng: np.random.Generator, members: Flags) -> np.ndarray[Any, np.dtype[np.int64]]:
    """The places of *members* in order, or of a fair sample where there are many."""
    places = np.flatnonzero(members)
    return places if len(places) <= FOLD_TRIPS else np.sort(rng.choice(places, FOLD_TRIPS, replace=False))
