"""Growing boosters: from rows in memory, or from any number of rows beside it.

LightGBM holds some 120 bytes for each trip that a tree is grown from. Where there are many, trees are grown
in stages: each stage goes on from the trees of those before it, with its own share of the trips. All trips
are learned from, each by some of the trees; memory holds one share.
"""

import ctypes
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from taxi_predictor.adapters.columns.arrays import Floats
from taxi_predictor.adapters.lightgbm.engine import lightgbm
from taxi_predictor.adapters.lightgbm.recipe import COMMON_PARAMS
from taxi_predictor.adapters.lightgbm.row_file import Rows
from taxi_predictor.adapters.lightgbm.rows import Labels, TrainingRows, Window

__all__ = [
    "PATIENCE_ROUNDS",
    "SHARE_TRIPS",
    "advancing",
    "grow",
    "grow_in_stages",
    "grow_until_it_stops_helping",
    "stages_of",
]

Advance = Callable[[float], None]

SHARE_TRIPS = 5_000_000
"""The most that a stage holds: some 600 MB. A tree of some hundred leaves learns no more from more."""
PATIENCE_ROUNDS = 40
"""Growing stops after this many trees in a row that did not help."""
_LIBRARY = vars(lightgbm.basic)["_LIB"]


def grow(
    recipe: Mapping[str, Any],
    features: Floats | Rows,
    target: Floats | Labels,
    *,
    names: Sequence[str],
    seed: int,
    rounds: int,
    advance: Advance,
    from_scores: NDArray[np.float64] | None = None,
) -> lightgbm.Booster:
    """A booster of *rounds* trees, which say what is left beyond *from_scores*, one for each row."""
    params = {**COMMON_PARAMS, **recipe, "seed": seed}
    data = lightgbm.Dataset(features, target, feature_name=list(names), params=params, init_score=from_scores)
    return lightgbm.train(params, _binned(data), num_boost_round=rounds, callbacks=[advancing(advance)])


def grow_in_stages(
    recipe: Mapping[str, Any],
    window: Window,
    *,
    names: Sequence[str],
    seed: int,
    rounds: int,
    stages: int,
    advance: Advance,
) -> lightgbm.Booster:
    """A booster of *rounds* trees from all of *window*, of which memory holds one of so many *stages*."""
    stages, booster = min(stages, rounds), None
    for number in range(stages):
        share = window.share(number, stages, seed=seed)
        stage = grow(
            recipe,
            share.features,
            share.labels(),
            names=names,
            seed=seed + number,
            rounds=rounds * (number + 1) // stages - rounds * number // stages,
            advance=advance,
            from_scores=None if booster is None else _scores(booster, share),
        )
        booster = stage if booster is None else _joined(booster, stage)
    assert booster is not None, "there is a round, and so a stage"
    return booster


def stages_of(trips: int, share_trips: int = SHARE_TRIPS) -> int:
    """How many stages to part the trips into, so that memory holds *share_trips* at a time."""
    return -(-trips // share_trips)


def grow_until_it_stops_helping(
    recipe: Mapping[str, Any],
    rows: TrainingRows,
    *,
    seed: int,
    rounds: int,
    advance: Advance,
    is_over: Callable[[], bool] = lambda: False,
    share_trips: int = SHARE_TRIPS,
) -> lightgbm.Booster:
    """A booster on the fit window, of at most *rounds* trees, that stopped when the validation window
    gained nothing more.

    Of more rows than *share_trips* a share of both windows says when that is. *is_over* may end it sooner.
    """
    shares = stages_of(len(rows), share_trips)
    fitted, unseen = (window.share(0, shares, seed=seed) for window in (rows.fitted, rows.unseen))
    params = {**COMMON_PARAMS, **recipe, "seed": seed}
    data = lightgbm.Dataset(fitted.features, fitted.labels(), feature_name=list(rows.names), params=params)

    def stop(environment: Any) -> None:
        if is_over():
            raise lightgbm.callback.EarlyStopException(
                environment.iteration, environment.evaluation_result_list
            )

    return lightgbm.train(
        params,
        _binned(data),
        num_boost_round=rounds,
        valid_sets=[_binned(data.create_valid(unseen.features, unseen.labels(), params=params))],
        callbacks=[lightgbm.early_stopping(PATIENCE_ROUNDS, verbose=False), advancing(advance), stop],
    )


def advancing(advance: Advance) -> Callable[[Any], None]:
    def after_round(environment: object) -> None:
        advance(1)

    return after_round


def _binned(data: lightgbm.Dataset) -> lightgbm.Dataset:
    """*data* as LightGBM keeps it, without the copies that its Python part keeps beside it."""
    data.construct()
    data.label = data.init_score = None
    return data


def _scores(booster: lightgbm.Booster, window: Window) -> NDArray[np.float64]:
    """What *booster* says of each row."""
    scores, first = np.empty(len(window)), 0
    for block in window.features.blocks():
        scores[first : first + len(block)] = booster.predict(block)
        first += len(block)
    return scores


def _joined(first: lightgbm.Booster, then: lightgbm.Booster) -> lightgbm.Booster:
    """The trees of both, as LightGBM joins them when it goes on from a model."""
    handles = (then._handle, first._handle)  # noqa: SLF001 # its Python part joins only at a training's begin
    if _LIBRARY.LGBM_BoosterMerge(*handles):
        raise RuntimeError(ctypes.string_at(_LIBRARY.LGBM_GetLastError()).decode())
    return then
