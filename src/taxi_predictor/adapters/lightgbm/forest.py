"""Boosters as flat tables, for the walker.

Only the order of a value among the thresholds of its feature decides where it goes. So each row is turned
into ranks once, and a node compares small whole numbers: it takes eight bytes, and is the same whatever
is missing and whether it splits numbers or categories. A missing value has a rank to the left of all
thresholds, or to the right; where nodes of one feature treat it differently, they look at ranks of their own.
Children stand side by side, the right one behind the left one, so that a step is an addition (N. Asadi,
J. Lin and A. P. de Vries, "Runtime Optimizations for Tree-Based Machine Learning Models", 2014).

What is missing, and where it goes, is said by ``NumericalDecision`` and ``CategoricalDecision`` in LightGBM's
``include/LightGBM/tree.h``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from taxi_predictor.adapters.columns.arrays import Floats
from taxi_predictor.adapters.lightgbm.booster_text import BoosterText, Ints, TreeText, Unwalkable

__all__ = ["LANES", "MOST_SLOTS", "NEARLY_ZERO", "Forest"]

Words = NDArray[np.uint64]

LANES = 12
"""So many trees, or rows, are walked side by side."""
NEARLY_ZERO = float(np.float32(1e-35))
"""LightGBM takes what is no farther from zero for zero (``kZeroThreshold``)."""
MOST_LEFT, MOST_RIGHT = 0, 0xFFFE
"""Ranks before and behind all thresholds."""
LEAF = 0xFFFF
"""The rank of a leaf: none is higher, so it goes to its left child, which is itself."""
MOST_SLOTS = 512
IS_CATEGORICAL, IS_DEFAULT_LEFT = 1, 2
ZERO_IS_MISSING, NAN_IS_MISSING = 1, 2


class Slot(NamedTuple):
    """What some nodes look at."""

    feature: int
    missing: int = 0
    is_default_left: bool = False
    categories: tuple[int, ...] | None = None
    """Of a split by categories: those that go left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Forest:
    """Several boosters of the same features.

    A node is a word: from its lowest bits on a rank (16), :data:`LANES` times the number of a slot (16), and
    the left child (32). A row whose rank in that slot is higher goes right.
    """

    nodes: Words
    values: Floats
    """Of each node: what it is worth as a leaf."""
    roots: Ints
    """Of the trees in LightGBM's order; behind those of a booster some that say 0, up to a multiple of
    :data:`LANES`."""
    ends: Ints
    """Where the trees of each booster end."""
    slot_feature: Ints
    slot_begins: Ints
    """Where the thresholds of each slot begin, and where the last ones end."""
    slot_nan: Ints
    """The rank of NaN."""
    slot_zero: Ints
    """The rank of what counts as zero."""
    slot_categorical: Ints
    """1 where the thresholds are the categories that go left, else 0."""
    thresholds: Floats
    """Of each slot, ascending and each once."""
    features: int
    """How many a row has."""
    objectives: tuple[str, ...]
    """What each booster was grown for."""
    trees: tuple[int, ...]
    """How many trees each booster has where its answer is their average, else 0."""

    @classmethod
    def of(cls, *texts: str) -> "Forest":
        """The boosters that LightGBM wrote as *texts*.

        Raises:
            Unwalkable: one has linear leaves, several classes or too many thresholds.
        """
        boosters = [BoosterText.read(text) for text in texts]
        if len({booster.features for booster in boosters}) != 1:
            raise Unwalkable("they have different features")
        trees = [tree for booster in boosters for tree in booster.trees]
        ranks = _Ranks(trees)
        # Before all trees there is one node that says nothing, for those that fill up the lanes.
        starts = np.cumsum([1, *(2 * len(tree.leaf_value) - 1 for tree in trees)]).tolist()
        nodes = np.full(starts[-1], LEAF, dtype=np.uint64)
        values = np.zeros(starts[-1])
        for tree, start in zip(trees, starts, strict=False):
            _lay_out(tree, start, ranks, nodes, values)
        roots: list[int] = []
        ends: list[int] = []
        for booster in boosters:
            done = sum(len(other.trees) for other in boosters[: len(ends)])
            roots += starts[done : done + len(booster.trees)]
            roots += [0] * (-len(roots) % LANES)
            ends.append(len(roots))
        counts = [len(known) for known in ranks.thresholds]
        return cls(
            nodes=nodes,
            values=values,
            roots=np.array(roots, dtype=np.int64),
            ends=np.array(ends, dtype=np.int64),
            slot_feature=np.array([slot.feature for slot in ranks.slots], dtype=np.int64),
            slot_begins=np.cumsum([0, *counts], dtype=np.int64),
            slot_nan=np.array([ranks.of_nan(slot) for slot in ranks.slots], dtype=np.int64),
            slot_zero=np.array([ranks.of_zero(slot) for slot in ranks.slots], dtype=np.int64),
            slot_categorical=np.array([slot.categories is not None for slot in ranks.slots], dtype=np.int64),
            thresholds=np.concatenate([*ranks.thresholds, np.empty(0)]),
            features=boosters[0].features,
            objectives=tuple(booster.objective for booster in boosters),
            trees=tuple(len(booster.trees) if booster.is_average else 0 for booster in boosters),
        )


class _Ranks:
    """Which slots there are, and the thresholds of each."""

    def __init__(self, trees: Sequence[TreeText]) -> None:
        of_slot: dict[Slot, list[float]] = {}
        self._slots_of: dict[int, list[Slot]] = {}
        for tree in trees:
            self._slots_of[id(tree)] = slots = list(_slots(tree))
            for slot, threshold in zip(slots, tree.threshold.tolist(), strict=True):
                of_slot.setdefault(slot, []).append(threshold)
        self.slots = tuple(of_slot)
        self.thresholds = [
            np.unique(np.array(known if slot.categories is None else slot.categories, dtype=np.float64))
            for slot, known in of_slot.items()
        ]
        self._number = {slot: number for number, slot in enumerate(self.slots)}
        if len(self.slots) > MOST_SLOTS or any(len(known) >= MOST_RIGHT for known in self.thresholds):
            raise Unwalkable("they split in too many ways")

    def of(self, tree: TreeText) -> tuple[Ints, Ints]:
        """The slot and the rank of each split of *tree*."""
        numbers = np.array([self._number[slot] for slot in self._slots_of[id(tree)]], dtype=np.int64)
        ranks = np.zeros_like(numbers)
        for number in np.unique(numbers).tolist():
            if self.slots[number].categories is None:
                here = numbers == number
                ranks[here] = np.searchsorted(self.thresholds[number], tree.threshold[here])
        return numbers, ranks

    def of_zero(self, slot: Slot) -> int:
        if slot.categories is not None:
            return 0 if 0 in slot.categories else 1
        if slot.missing == ZERO_IS_MISSING:
            return _default(slot)
        return int(np.searchsorted(self.thresholds[self._number[slot]], 0.0))

    def of_nan(self, slot: Slot) -> int:
        if slot.categories is not None:
            return 1
        return self.of_zero(slot) if slot.missing != NAN_IS_MISSING else _default(slot)


def _default(slot: Slot) -> int:
    return MOST_LEFT if slot.is_default_left else MOST_RIGHT


def _slots(tree: TreeText) -> list[Slot]:
    """What each split of *tree* looks at."""
    slots = []
    for feature, kind, threshold in zip(
        tree.split_feature.tolist(), tree.decision_type.tolist(), tree.threshold.tolist(), strict=True
    ):
        missing = kind >> 2 & 3
        if kind & IS_CATEGORICAL:
            slots.append(Slot(feature, categories=tree.categories[int(threshold)]))
        elif missing:
            slots.append(Slot(feature, missing, bool(kind & IS_DEFAULT_LEFT)))
        else:
            slots.append(Slot(feature))
    return slots


def _lay_out(tree: TreeText, start: int, ranks: _Ranks, nodes: Words, values: Floats) -> None:
    """Write *tree* into the tables from *start* on: its root, then the children of each split in pairs."""
    splits = len(tree.threshold)
    firsts = start + 1 + 2 * np.arange(splits)
    place_of_split = np.full(splits, start)
    place_of_leaf = np.full(splits + 1, start)
    for side, children in enumerate((tree.left_child, tree.right_child)):
        is_split = children >= 0
        place_of_split[children[is_split]] = firsts[is_split] + side
        place_of_leaf[~children[~is_split]] = firsts[~is_split] + side
    slots, rank = ranks.of(tree)
    nodes[place_of_split] = (rank | slots * LANES << 16 | firsts << 32).astype(np.uint64)
    nodes[place_of_leaf] = (LEAF | place_of_leaf << 32).astype(np.uint64)
    values[place_of_leaf] = tree.leaf_value
