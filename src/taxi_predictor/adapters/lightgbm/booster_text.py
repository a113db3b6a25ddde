"""Reading LightGBM's text of a booster: its trees as arrays, and what is done with their sum."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from taxi_predictor.adapters.columns.arrays import Floats

__all__ = ["BoosterText", "Convert", "Ints", "TreeText", "Unwalkable", "conversion"]

Ints = NDArray[np.int64]
Convert = Callable[[Floats], Floats]

UNCHANGED = (
    "", "custom", "regression", "regression_l1", "huber", "fair", "quantile", "mape", "lambdarank",
    "rank_xendcg",
)  # fmt: skip
EXPONENTIAL = ("poisson", "gamma", "tweedie")


class Unwalkable(Exception):
    """A booster has something that only LightGBM itself can answer with."""


@dataclass(frozen=True, slots=True)
class TreeText:
    """One tree of n splits and n + 1 leaves."""

    split_feature: Ints
    threshold: Floats
    """Of a split by categories: which of :attr:`categories` are meant."""
    decision_type: Ints
    left_child: Ints
    right_child: Ints
    """The number of a split, or of a leaf from -1 downwards."""
    leaf_value: Floats
    categories: Sequence[tuple[int, ...]]
    """Words of 32 bits, which say of each category whether it goes left."""

    @classmethod
    def read(cls, text: str) -> "TreeText":
        fields = _fields(text)
        if fields.get("is_linear", "0") != "0":
            raise Unwalkable("its leaves are linear")

        def numbers(name: str) -> Floats:
            return np.fromstring(fields.get(name, ""), sep=" ")

        def whole(name: str) -> Ints:
            return numbers(name).astype(np.int64)

        words = tuple(whole("cat_threshold").tolist())
        return cls(
            split_feature=whole("split_feature"),
            threshold=numbers("threshold"),
            decision_type=whole("decision_type"),
            left_child=whole("left_child"),
            right_child=whole("right_child"),
            leaf_value=numbers("leaf_value"),
            categories=[words[begin:end] for begin, end in pairwise(whole("cat_boundaries").tolist())],
        )


@dataclass(frozen=True, slots=True)
class BoosterText:
    features: int
    trees: Sequence[TreeText]
    objective: str
    """Its name, and options behind it."""
    is_average: bool
    """Of its trees (a random forest), and not their sum."""

    @classmethod
    def read(cls, text: str) -> "BoosterText":
        """
        Raises:
            Unwalkable: it tells several classes apart, or its leaves are linear.
        """
        head, *trees = text.partition("\nend of trees")[0].split("\nTree=")
        fields = _fields(head)
        if fields.get("num_tree_per_iteration") != "1" or not trees:
            raise Unwalkable("it does not give one number for a row")
        return cls(
            features=int(fields["max_feature_idx"]) + 1,
            trees=[TreeText.read(tree) for tree in trees],
            objective=fields.get("objective", ""),
            is_average="average_output" in fields,
        )


def conversion(objective: str) -> Convert | None:
    """What a booster of *objective* makes of the sum of its trees; None: nothing.

    Raises:
        Unwalkable: nobody knows.
    """
    name, *options = objective.split() or [""]
    if name in UNCHANGED:
        return (lambda x: np.sign(x) * x * x) if "sqrt" in options else None
    if name in EXPONENTIAL:
        return np.exp
    if name == "cross_entropy":
        return lambda x: 1 / (1 + np.exp(-x))
    if name == "cross_entropy_lambda":
        return lambda x: np.log1p(np.exp(x))
    if name == "binary":
        steepness = next(float(o.partition(":")[2]) for o in options if o.startswith("sigmoid:"))
        return lambda x: 1 / (1 + np.exp(-steepness * x))
    raise Unwalkable(f"its objective {name!r} is unheard of")


def _fields(text: str) -> dict[str, str]:
    return {name: value for name, _, value in (line.partition("=") for line in text.split("\n"))}
