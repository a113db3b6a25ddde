"""How boosters are grown: what won on the open benchmarks (docs/accuracy.md)."""

from collections.abc import Mapping
from typing import Any

__all__ = [
    "CENTRE_RECIPE",
    "COMMON_PARAMS",
    "FOLD_RECIPE",
    "FOLD_ROUNDS",
    "MAX_ROUNDS",
    "REFIT_SHARE",
    "SPREAD_RECIPE",
    "SPREAD_ROUNDS",
    "centre_recipe",
]

MAX_ROUNDS = 500
REFIT_SHARE = 1.1
"""More trips bear a few more trees."""

CENTRE_RECIPE: dict[str, Any] = {
    "objective": "huber",
    "alpha": 0.12,
    "metric": "l1",
    "learning_rate": 0.12,
    "num_leaves": 127,
    "min_data_in_leaf": 50,
    "path_smooth": 10.0,
    "feature_fraction": 0.5,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "lambda_l2": 5.0,
}

SPREAD_ROUNDS = 300
SPREAD_RECIPE: dict[str, Any] = {
    "objective": "quantile",
    "alpha": 0.8,
    "learning_rate": 0.05,
    "num_leaves": 31,
    "min_data_in_leaf": 50,
    "feature_fraction": 0.7,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "lambda_l2": 5.0,
}

FOLD_ROUNDS = 150
FOLD_RECIPE: dict[str, Any] = CENTRE_RECIPE | {"objective": "l1", "learning_rate": 0.1}
"""A tree by Huber's loss moves a row by *alpha* at most: so few of them would not get far enough."""

COMMON_PARAMS: dict[str, Any] = {"verbosity": -1, "deterministic": True, "force_row_wise": True}


def centre_recipe(given: Mapping[str, str | int | float]) -> dict[str, Any]:
    """Our recipe of the centre with what is *given* in its place; names it does not have are left out."""
    return CENTRE_RECIPE | {name: value for name, value in given.items() if name in CENTRE_RECIPE}
