"""Boosters as flat tables, for the walker.

Only the order of a value among the thresholds of its feature decides where it goes. So each row is turned
into ranks once, and a node compares small whole numbers: it takes four bytes, and is the same whatever
is missing and whether it splits numbers or categories. A missing value has a rank to the left of all
thresholds, or to the right; where nodes of one feature treat it differently, they look at ranks of their own.
So they do where a feature has more thresholds than a byte can tell apart.
Children stand side by side, the right one behind the left one, so that a step is an addition (N. Asadi,
J. Lin and A. P. de Vries, "Runtime Optimizations for Tree-Based Machine Learning Models", 2014).

What is missing, and where it goes, is said by ``NumericalDecision`` and ``CategoricalDecision`` in LightGBM's
``include/LightGBM/tree.h``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from taxi_predictor.adapters.columns.arrays import Floats
from taxi_predictor.adapters.lightgbm.booster_text import BoosterText, Ints, TreeText, Unwalkable

__all__ = ["LANES", "LEAF", "MOST_SLOTS", "MOST_THRESHOLDS", "NEARLY_ZERO", "PLACES", "SLOT_BITS", "Forest"]

Words = NDArray[np.uint32]

LANES = 12
"""How many trees, or rows, are walked side by side."""
NEARLY_ZERO = float(np.float32(1e-35))
"""LightGBM takes what is no farther from zero for zero (``kZeroThreshold``)."""
LEAF = 0xFF
"""The rank of a leaf: none is higher, so it goes to its left child, which is itself."""
MOST_THRESHOLDS = LEAF - 1
"""Of one slot: a rank may lie before or behind each."""
PLACES = LEAF + 1
"""For the thresholds of one slot; there are fewer, and the last places are filled up with infinity."""
SLOT_BITS = 9
MOST_SLOTS = 1 << SLOT_BITS
MOST_STEPS = 1 << 32 - 8 - SLOT_BITS
"""From a node to its children they are fewer."""
IS_CATEGORICAL, IS_DEFAULT_LEFT = 1, 2
ZERO_IS_MISSING, NAN_IS_MISSING = 1, 2


class Slot(NamedTuple):
    """What some nodes look at."""

    feature: int
    missing: int = 0
    is_default_left: bool = False
    categories: tuple[int, ...] | None = None
    """Of a split by categories: those that go left, as a tree has them."""
    part: int = 0
    """Of its thresholds, where there are more than :data:`MOST_THRESHOLDS`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Forest:
    """Several boosters of the same features.

    A node is a word: from its lowest bits on a rank (8), the number of a slot (:data:`SLOT_BITS`), and how
    far behind the node its left child stands. A row whose rank in that slot is higher goes right.
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
    slot_nan: Ints
    """The rank of NaN."""
    slot_zero: Ints
    """The rank of what counts as zero."""
    thresholds: Floats
    """Of shape (slots of numbers, :data:`PLACES`), those of a slot ascending and each once."""
    categories: Floats
    """Those that go left, of the slots of categories, which stand behind those of numbers."""
    slot_begins: Ints
    """Where the categories of each such slot begin, and where the last ones end."""
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
        members = [_members(words) for words in ranks.categories]
        # Before all trees there is one node that says nothing, for those that fill up the lanes.
        starts = np.cumsum([1, *(2 * len(tree.leaf_value) - 1 for tree in trees)]).tolist()
        nodes = np.full(starts[-1], LEAF, dtype=np.uint32)
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
        numbers = range(len(ranks.slots))
        return cls(
            nodes=nodes,
            values=values,
            roots=np.array(roots, dtype=np.int64),
            ends=np.array(ends, dtype=np.int64),
            slot_feature=np.array([slot.feature for slot in ranks.slots], dtype=np.int64),
            slot_nan=np.array([ranks.of_nan(number) for number in numbers], dtype=np.int64),
            slot_zero=np.array([ranks.of_zero(number) for number in numbers], dtype=np.int64),
            thresholds=ranks.thresholds,
            categories=np.concatenate([np.empty(0), *members]),
            slot_begins=np.cumsum([0, *map(len, members)], dtype=np.int64),
            features=boosters[0].features,
            objectives=tuple(booster.objective for booster in boosters),
            trees=tuple(len(booster.trees) if booster.is_average else 0 for booster in boosters),
        )

    def splits_of(self, feature: int) -> list[float]:
        """Where the trees split *feature*, or which categories they tell from others."""
        slots = np.flatnonzero(self.slot_feature == feature)
        numbers, kinds = slots[slots < len(self.thresholds)], slots[slots >= len(self.thresholds)]
        thresholds = self.thresholds[numbers]
        bounds = self.slot_begins[np.subtract.outer(kinds, [len(self.thresholds), len(self.thresholds) - 1])]
        return [
            *thresholds[thresholds < np.inf].tolist(),
            *chain.from_iterable(self.categories[begin:end].tolist() for begin, end in bounds.tolist()),
        ]


class _Ranks:
    """Which slots there are, and the thresholds of each."""

    def __init__(self, trees: Sequence[TreeText]) -> None:
        of_whole: dict[Slot, list[float]] = {}
        self._wholes_of: dict[int, list[Slot]] = {}
        for tree in trees:
            self._wholes_of[id(tree)] = wholes = list(_slots(tree))
            for whole, threshold in zip(wholes, tree.threshold.tolist(), strict=True):
                of_whole.setdefault(whole, []).append(threshold)
        self.slots: list[Slot] = []
        self.categories: list[tuple[int, ...]] = []
        self._known: dict[Slot, tuple[int, Floats]] = {}
        """Of a slot that is not parted yet: the number of its first part, and all thresholds."""
        parts = []
        for whole in sorted(of_whole, key=lambda whole: whole.categories is not None):
            known = np.unique(np.array(of_whole[whole]))
            self._known[whole] = len(self.slots), known
            if whole.categories is not None:
                self.slots.append(whole)
                self.categories.append(whole.categories)
                continue
            for part, begin in enumerate(range(0, len(known), MOST_THRESHOLDS)):
                self.slots.append(whole._replace(part=part))
                parts.append(known[begin : begin + MOST_THRESHOLDS])
        if len(self.slots) > MOST_SLOTS:
            raise Unwalkable("they split in too many ways")
        self.thresholds = np.full((len(parts), PLACES), np.inf)
        for places, known in zip(self.thresholds, parts, strict=True):
            places[: len(known)] = known

    def of(self, tree: TreeText) -> tuple[Ints, Ints]:
        """The slot and the rank of each split of *tree*."""
        wholes = self._wholes_of[id(tree)]
        slots = np.array([self._known[whole][0] for whole in wholes], dtype=np.int64)
        ranks = np.zeros_like(slots)
        for whole in set(wholes):
            if whole.categories is None:
                first, known = self._known[whole]
                here = slots == first
                parts, ranks[here] = np.divmod(np.searchsorted(known, tree.threshold[here]), MOST_THRESHOLDS)
                slots[here] += parts
        return slots, ranks

    def of_zero(self, number: int) -> int:
        """The rank of what counts as zero, in the slot *number*."""
        slot = self.slots[number]
        if slot.categories is not None:
            return 0 if slot.categories[0] & 1 else 1
        if slot.missing == ZERO_IS_MISSING:
            return self._default(number)
        return int(np.searchsorted(self.thresholds[number], 0.0))

    def of_nan(self, number: int) -> int:
        """The rank of NaN, in the slot *number*."""
        slot = self.slots[number]
        if slot.categories is not None:
            return 1
        return self.of_zero(number) if slot.missing != NAN_IS_MISSING else self._default(number)

    def _default(self, number: int) -> int:
        """Before all thresholds, or behind them."""
        return 0 if self.slots[number].is_default_left else MOST_THRESHOLDS


def _members(words: Sequence[int]) -> Ints:
    """The numbers whose bits are set in *words* of 32 bits."""
    bits = np.unpackbits(np.array(words, dtype="<u4").view(np.uint8), bitorder="little")
    return np.flatnonzero(bits)


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
    """Write *tree* into the tables from *start* on: its root, and the children of each split in pairs.

    The pairs below a child stand together, so that rows that part late end near each other.
    """
    slots, rank = ranks.of(tree)
    children = np.stack([tree.left_child, tree.right_child], axis=1).tolist()
    places, free = [(0, start)] if children else [(-1, start)], start + 1
    while places:
        number, place = places.pop()
        if number < 0:
            nodes[place], values[place] = LEAF, tree.leaf_value[~number]
            continue
        if free - place >= MOST_STEPS:
            raise Unwalkable("they have trees of too many leaves")
        nodes[place] = int(rank[number]) | int(slots[number]) << 8 | free - place << 8 + SLOT_BITS
        left, right = children[number]
        places += [(right, free + 1), (left, free)]
        free += 2
