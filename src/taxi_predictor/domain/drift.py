"""How far recent values of one number, such as a feature, have moved from those a model learned from.

Two measures over the same bins. The population stability index, sum of (p - q) ln(p / q), is Jeffreys'
divergence (1946) as credit scoring uses it (N. Siddiqi, "Credit Risk Scorecards", 2006: from 0.1 on look,
from 0.25 on act); it sees that shares moved, not how far. Wasserstein's distance (L. Vaserstein, 1969) is
the area between both distribution functions: how far the values were moved on average.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate, pairwise
from math import inf, isfinite, log, nextafter, sqrt

from taxi_predictor.domain.arithmetic import Column, ColumnArithmetic
from taxi_predictor.domain.errors import Invalid

__all__ = ["BINS", "BinnedValues", "ReferenceBins", "psi", "wasserstein"]

STEPS = (0.0, 0.01, 0.05, *(step / 10 for step in range(1, 10)), 0.95, 0.99, 1.0)
"""Tenths, and finer at the ends, where values lie far apart."""
BINS = len(STEPS) - 1
HALF_A_TRIP = 0.5
"""Added to every bin, so that an empty one has no share of zero (F. Anscombe's continuity correction)."""


@dataclass(frozen=True, slots=True)
class ReferenceBins:
    """How one number was distributed among the trips that a model learned from.

    The bins lie between *edges*, which are its quantiles at :data:`STEPS`; a value on an edge belongs to the
    upper bin, the highest one to the last.
    """

    edges: tuple[float, ...]
    shares: tuple[float, ...]
    deviation: float
    """The standard deviation; 1 where all values were equal, so that distances can be told in it."""

    def __post_init__(self) -> None:
        if not (
            len(self.edges) == len(self.shares) + 1 >= 2
            and all(map(isfinite, self.edges))
            and all(low < high for low, high in pairwise(self.edges))
            and self.deviation > 0
        ):
            raise Invalid("reference bins lie between finite edges that rise")

    @classmethod
    def of(cls, values: Sequence[float]) -> "ReferenceBins":
        """Count *values*, at least one, all finite."""
        ranked = sorted(values)
        n = len(ranked)
        *_, high, highest = quantiles = [ranked[round((n - 1) * step)] for step in STEPS]
        edges = sorted(set(quantiles))
        if high == highest:  # many are equal to it, as Sundays are: they are not those just below
            edges.append(nextafter(highest, inf))
        counts = [0] * (len(edges) - 1)
        place = 0
        for value in ranked:
            while place < len(counts) - 1 and value >= edges[place + 1]:
                place += 1
            counts[place] += 1
        mean = sum(ranked) / n
        variance = sum((value - mean) ** 2 for value in ranked) / n
        return cls(tuple(edges), tuple(count / n for count in counts), sqrt(variance) or 1.0)

    def count(self, m: ColumnArithmetic, values: Column) -> "BinnedValues":
        """Where *values* lie; those that are not numbers are left out."""
        lowest, *inner, highest = self.edges
        # What is not a number is neither below nor above anything.
        known = m.total(m.either(values < lowest, values >= lowest))
        reached = [known, *(m.total(values >= edge) for edge in inner), 0.0]
        beyond = m.where(values > highest, values - highest, 0.0)
        short = m.where(values < lowest, lowest - values, 0.0)
        return BinnedValues(
            counts=[more - fewer for more, fewer in pairwise(reached)],
            below=m.total(short),
            above=m.total(beyond),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class BinnedValues:
    """Counts of values by the bins of a reference; those of two batches add up to those of both."""

    counts: Sequence[float] = field(default_factory=tuple)
    below: float = 0.0
    """By how much values lie below the first edge, summed up."""
    above: float = 0.0

    @property
    def n(self) -> float:
        return sum(self.counts)

    def __add__(self, other: "BinnedValues") -> "BinnedValues":
        counts = [a + b for a, b in zip(self.counts, other.counts, strict=True)]
        return BinnedValues(counts=counts, below=self.below + other.below, above=self.above + other.above)


def psi(reference: ReferenceBins, live: BinnedValues) -> float:
    """The population stability index; of no value at all it is 0.

    Where nothing changed it is about (bins - 1) / n for n live values (B. Yurdakul, "Statistical
    Properties of Population Stability Index", 2018): of fewer than some hundreds it says little.
    """
    if not live.n:
        return 0.0
    bins = len(reference.shares)
    found = 0.0
    for share, count in zip(reference.shares, live.counts, strict=True):
        p = (count + HALF_A_TRIP) / (live.n + bins * HALF_A_TRIP)
        q = (share * live.n + HALF_A_TRIP) / (live.n + bins * HALF_A_TRIP)
        found += (p - q) * log(p / q)
    return found


def wasserstein(reference: ReferenceBins, live: BinnedValues) -> float:
    """The distance between both distributions, in standard deviations of the reference.

    Within a bin values are taken to lie evenly, in both; what lies outside of all counts as far as it does.
    """
    n = live.n
    if not n:
        return 0.0
    moved = [count / n - share for share, count in zip(reference.shares, live.counts, strict=True)]
    gaps = [0.0, *accumulate(moved)]  # between the two distribution functions, at each edge
    area = (live.below + live.above) / n
    for (low, high), (first, last) in zip(pairwise(reference.edges), pairwise(gaps), strict=True):
        if first * last >= 0:
            area += (high - low) * (abs(first) + abs(last)) / 2
        else:  # they cross within the bin
            area += (high - low) * (first * first + last * last) / (2 * (abs(first) + abs(last)))
    return area / reference.deviation
