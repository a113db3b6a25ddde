"""What the text of a booster has to be before LightGBM, or machine code of ours, follows it.

Neither looks where it goes: LightGBM reads on to the next ``=`` wherever that is, splits a row by a feature
that the row does not have, looks for a category in whatever lies where its set should be, and follows a child
to whatever lies at that address, or round and round for ever.
The files of a model are checked by their sha256, but whoever can write to the registry writes that, too. So
whatever is not just as LightGBM writes a booster that is one sum of trees is refused here, whether or not
somebody could make sense of it.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from taxi_predictor.adapters.columns.engine_model import MOST_LOG

__all__ = ["SoundText", "Unsound", "sound_text", "trees_of"]

MOST_LEAVES = 1 << 20
"""Of one tree; ours have 127."""
CATEGORICAL, DEFAULT_LEFT, MISSING_TYPES = 1, 2, 3
"""What the kind of a split says: two bits, and above them one of so many ways to take what is missing."""
WORD_BITS = 32
MOST_WORDS, MOST_WORDS_IN_ALL = 1 << 8, 1 << 22
"""Of one split, whose categories are below 8,192 then, and of one booster: each bit may become a number."""

END = "\nend of trees\n"
HEAD = re.compile(r"tree\n(?:[a-z_]+(?:=[^=\n]*)?\n)+\n?")
BLOCK = re.compile(r"[0-9]{1,9}\n(?:[a-z_]+=[-+0-9.e ]*\n){1,22}\n*")
OBJECTIVE = re.compile(r"[a-z0-9_]*(?: [a-z_]+(?::[-+0-9.e]+)?)*")
WHOLE = re.compile(r"[0-9]{1,7}")

WALKED = ("split_feature", "threshold", "decision_type", "left_child", "right_child")
"""What of a split says where to go."""
OF_SPLITS = (*WALKED, "split_gain", "internal_value", "internal_weight", "internal_count")
OF_LEAVES = ("leaf_value", "leaf_weight", "leaf_count")
NEEDED = frozenset((*WALKED, "leaf_value"))
SINGLE = ("num_leaves", "num_cat", "is_linear", "shrinkage")
BOUNDARIES, SETS = "cat_boundaries", "cat_threshold"
"""Where the set of each split by categories begins, and words for all of them, whose bits are categories."""

Whole = NDArray[np.int64]


class Unsound(Exception):
    """A booster that nobody should follow."""


class SoundText(NamedTuple):
    text: str
    """What was looked at, and nothing that stood behind it."""
    farthest: float
    """No answer is farther from zero."""


def sound_text(text: str, features: Sequence[str]) -> SoundText:
    """See that *text* is a booster of trees by *features*.

    Raises:
        Unsound: it is not, or its answers might be beyond :data:`MOST_LOG`.
    """
    trees, end, _ = text.partition(END)
    head, *blocks = trees.split("\nTree=")
    if not end or not text.isascii() or not blocks or not HEAD.fullmatch(f"{head}\n"):
        raise Unsound("it is not as LightGBM writes boosters")
    _refuse_head(_fields(head.split("\n")[1:]), features, sizes=[len(f"Tree={block}\n") for block in blocks])
    if not all(map(BLOCK.fullmatch, (f"{block}\n" for block in blocks))):
        raise Unsound("a tree is not as LightGBM writes them")
    fields = [_fields(block.strip("\n").split("\n")[1:]) for block in blocks]
    splits = np.array([_splits_of(tree) for tree in fields])
    _refuse_splits(fields, splits, len(features))
    return SoundText(trees_of(text), _farthest(fields, splits + 1))


def trees_of(text: str) -> str:
    """What of *text* is looked at; behind it stands with which parameters it was grown."""
    return text.partition(END)[0] + END


def _fields(lines: Sequence[str]) -> Mapping[str, str]:
    """Names and values; LightGBM and we would not take the same one of two with one name."""
    pairs = [line.partition("=") for line in lines if line]
    fields = {name: value for name, _, value in pairs}
    if len(fields) != len(pairs):
        raise Unsound("it says something twice")
    return fields


def _refuse_head(head: Mapping[str, str], features: Sequence[str], *, sizes: Sequence[int]) -> None:
    if head.get("num_class") != "1" or head.get("num_tree_per_iteration") != "1":
        raise Unsound("it does not give one number for a row")
    if head.get("max_feature_idx") != str(len(features) - 1):
        raise Unsound(f"it is of other features than the {len(features)} that it comes with")
    if head.get("feature_names", "").split(" ") != list(features):
        raise Unsound("its features are called, or ordered, otherwise than it is said beside it")
    # LightGBM would take each tree from where this says that it begins.
    if head.get("tree_sizes") != " ".join(map(str, sizes)):
        raise Unsound("its trees are of other sizes than it says")
    if "average_output" in head or not OBJECTIVE.fullmatch(head.get("objective", "")):
        raise Unsound("it is no booster whose trees are added up")


def _splits_of(tree: Mapping[str, str]) -> int:
    """How many there are, if everything that is said of the tree is said of as many."""
    given = tree.get("num_leaves", "")
    if not WHOLE.fullmatch(given) or not 0 < (leaves := int(given)) <= MOST_LEAVES:
        raise Unsound(f"a tree cannot have {given[:20]!r} leaves")
    given = tree.get("num_cat", "")
    if not WHOLE.fullmatch(given) or not (sets := int(given)) < leaves:
        raise Unsound(f"a tree of {leaves:,} leaves cannot split by categories {given[:20]!r} times")
    if tree.get("is_linear", "0") != "0":
        raise Unsound("a tree has leaves that are no numbers")
    counts = dict.fromkeys(OF_SPLITS, leaves - 1) | dict.fromkeys(OF_LEAVES, leaves)
    if unknown := tree.keys() - counts.keys() - {*SINGLE, *((BOUNDARIES, SETS) if sets else ())}:
        raise Unsound(f"nobody knows what {min(unknown)[:40]} of a tree is")
    for name, count in counts.items():
        values = tree.get(name)
        said = values.count(" ") + 1 if values else 0
        # What else there is may be left out, and of a tree that is one leaf it may be empty.
        is_left_out = name not in NEEDED and (values is None or (leaves == 1 and not values))
        if said != count and not is_left_out:
            raise Unsound(f"a tree of {leaves:,} leaves says {said:,} times {name}")
    return leaves - 1


def _refuse_splits(trees: Sequence[Mapping[str, str]], splits: Whole, features: int) -> None:
    """See that every split asks a feature that there is, and that each tree is one."""
    total = int(splits.sum())
    feature, kind, left, right = (_numbers(trees, name, total, int) for name in WALKED if name != "threshold")
    threshold = _numbers(trees, "threshold", total, float)
    if not np.isfinite(threshold).all():
        raise Unsound("a tree splits at what is no number")
    if not ((feature >= 0) & (feature < features)).all():
        raise Unsound("a tree splits by a feature that there is not")
    is_by_set = kind & CATEGORICAL != 0
    if not ((kind >= 0) & (kind < 4 * MISSING_TYPES) & ~(is_by_set & (kind & DEFAULT_LEFT != 0))).all():
        raise Unsound("a tree splits in a way that there is not")
    _refuse_sets(trees, np.repeat(np.arange(len(trees)), splits)[is_by_set], threshold[is_by_set])
    of_tree = np.repeat(splits, splits)
    begin = np.repeat(np.cumsum(splits) - splits, splits)
    number = np.arange(total) - begin
    taken = []
    for child in (left, right):
        is_leaf = child < 0
        # LightGBM numbers a split when it makes it, so those below have higher numbers: none leads back.
        if not np.where(is_leaf, ~child <= of_tree, (child > number) & (child < of_tree)).all():
            raise Unsound("a child in a tree is outside of it, or leads back")
        # Splits first, then leaves, of one tree after the other.
        taken.append(np.where(is_leaf, of_tree + ~child, child) + 2 * begin)
    if total and np.bincount(np.concatenate(taken)).max() > 1:
        raise Unsound("a part of a tree is the child of two")


def _refuse_sets(trees: Sequence[Mapping[str, str]], of_tree: Whole, number: NDArray[np.float64]) -> None:
    """See that each split by categories, of the tree *of_tree*, has a set of its own, of that *number*."""
    sets = np.array([int(tree["num_cat"]) for tree in trees])
    if (np.bincount(of_tree, minlength=len(trees)) != sets).any():
        raise Unsound("a tree splits by categories more or less often than it says")
    # LightGBM numbers the sets as it makes the splits.
    if (number != np.arange(len(number)) - np.repeat(np.cumsum(sets) - sets, sets)).any():
        raise Unsound("a split has no set of categories of its own")
    words = 0
    for tree, of_sets in zip(trees, sets.tolist(), strict=True):
        words += _refuse_words(tree, of_sets) if of_sets else 0
    if words > MOST_WORDS_IN_ALL:
        raise Unsound("there are too many categories")


def _refuse_words(tree: Mapping[str, str], sets: int) -> int:
    """See that the *sets* of a *tree* follow each other, and return how many words they have."""
    begins = _numbers([tree], BOUNDARIES, sets + 1, int)
    sizes = np.diff(begins)
    if begins[0] != 0 or not ((sizes > 0) & (sizes <= MOST_WORDS)).all():
        raise Unsound("a set of categories lies where it cannot, or has more of them than there are")
    total = int(begins[-1])
    if tree.get(SETS, "").count(" ") + 1 != total or tree.get(BOUNDARIES, "").count(" ") != sets:
        raise Unsound(f"a tree does not say {total:,} words of categories")
    words = _numbers([tree], SETS, total, int)
    if not ((words >= 0) & (words < 1 << WORD_BITS)).all():
        raise Unsound("categories of a tree are no words")
    return total


def _farthest(trees: Sequence[Mapping[str, str]], leaves: Whole) -> float:
    """The highest sum of leaves, one of each tree, with or without a sign."""
    values = np.abs(_numbers(trees, "leaf_value", int(leaves.sum()), float))
    farthest = float(np.maximum.reduceat(values, np.cumsum(leaves) - leaves).sum())
    if not farthest < MOST_LOG:
        raise Unsound("its leaves add up to more than any duration")
    return farthest


def _numbers(
    trees: Sequence[Mapping[str, str]], name: str, total: int, number: type[int] | type[float]
) -> NDArray[Any]:
    """What all *trees* say as *name*; of a whole number that is not written as one LightGBM reads half."""
    values = " ".join(filter(None, (tree.get(name) for tree in trees))) if total else ""
    try:
        found = np.fromstring(values, dtype=number, sep=" ")
    except ValueError as error:
        raise Unsound(f"{name} of a tree is no number") from error
    if len(found) != total:
        raise Unsound(f"there are {len(found):,} numbers of {name}, and should be {total:,}")
    return found
