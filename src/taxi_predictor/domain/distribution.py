"""How long a trip may take: a distribution, not a number.

A model gives the centre ``mu`` and the spread ``sigma`` of ln(seconds); how residuals scatter once
they are divided by the spread was counted on trips that the model had not seen (scaled-residual
conformal prediction; Lei et al., "Distribution-Free Predictive Inference for Regression", 2018).
One set of steps then serves every trip, so quantiles never cross.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from math import isfinite
from typing import Generic, TypeVar

from taxi_predictor.domain.arithmetic import SCALAR, Arithmetic, Quantity
from taxi_predictor.domain.errors import BrokenModel, Invalid

__all__ = ["DurationDistribution", "ScaledResiduals"]

N = TypeVar("N", bound=Quantity)


@dataclass(frozen=True, slots=True)
class ScaledResiduals:
    """The distribution of (ln t - mu) / sigma: *values* at *probabilities*, straight lines between."""

    probabilities: tuple[float, ...]
    values: tuple[float, ...]

    def __post_init__(self) -> None:
        probabilities, values = self.probabilities, self.values
        if not (
            len(probabilities) == len(values) >= 2
            and probabilities[0] > 0
            and probabilities[-1] < 1
            and all(map(isfinite, values))
            and all(a < b for a, b in pairwise(probabilities))
            and all(a <= b for a, b in pairwise(values))
        ):
            raise BrokenModel("scaled residuals must be finite and not fall while probabilities rise in 0..1")

    @classmethod
    def of(cls, residuals: Sequence[float], *, steps: int = 200) -> "ScaledResiduals":
        """Count *residuals* into *steps* equal steps of probability (fewer when there are few).

        The k-th of n sorted residuals stands at probability k / (n + 1), the rank that makes an
        interval cover at least its share of exchangeable trips. Below the first and above the last
        step nothing is known, and the distribution says so by ending there.
        """
        ranked = sorted(residuals)
        n = len(ranked)
        if n < 20:
            raise Invalid(f"a distribution needs at least 20 residuals, got {n}")
        steps = min(steps, n + 1)
        probabilities: list[float] = []
        values: list[float] = []
        for step in range(1, steps):
            rank = min(max(step / steps * (n + 1), 1.0), float(n))
            below = int(rank)
            above = min(below, n - 1)
            probabilities.append(step / steps)
            values.append(ranked[below - 1] + (rank - below) * (ranked[above] - ranked[below - 1]))
        return cls(tuple(probabilities), tuple(values))

    def centred(self) -> "ScaledResiduals":
        """The same scatter with a median of zero: the middle is moved there, the ends stay put."""
        median = self.at(0.5)
        moved = (
            value - median * (1 - abs(2 * probability - 1))
            for probability, value in zip(self.probabilities, self.values, strict=True)
        )
        return ScaledResiduals(self.probabilities, tuple(accumulate(moved, max)))

    def at(self, probability: float) -> float:
        """The value below which a share *probability* of residuals lies."""
        return SCALAR.interpolate(probability, self.probabilities, self.values)


@dataclass(frozen=True, slots=True)
class DurationDistribution(Generic[N]):
    """The duration of one trip (N is float), or of many (N is a column)."""

    m: Arithmetic[N]
    mu: N
    sigma: N
    residuals: ScaledResiduals

    def quantile_s(self, probability: float) -> N:
        """Seconds within which the trip ends with *probability*, between 0 and 1."""
        if not 0 < probability < 1:
            raise Invalid(f"a probability lies between 0 and 1, got {probability}")
        return self.m.exp(self.mu + self.sigma * self.residuals.at(probability))

    def median_s(self) -> N:
        return self.quantile_s(0.5)

    def mean_s(self) -> N:
        """The expected seconds, over the same steps of probability as everything else."""
        values = self.residuals.values
        total = self.m.exp(self.mu + self.sigma * values[0])
        for value in values[1:]:
            total = total + self.m.exp(self.mu + self.sigma * value)
        return total / len(values)

    def expected_error_s(self) -> N:
        """By how many seconds the median is to be off on average: E|T - median|, of each trip.

        The mean of |exp(mu + sigma z) - exp(mu + sigma z_50)| over the same steps z of probability as
        everything else; what lies beyond the outermost ones is not known, and so not in it. It holds as
        long as residuals scatter as they did, and says nothing of a city that changed.
        """
        median_s, values = self.median_s(), self.residuals.values
        total = self.m.fabs(self.m.exp(self.mu + self.sigma * values[0]) - median_s)
        for value in values[1:]:
            total = total + self.m.fabs(self.m.exp(self.mu + self.sigma * value) - median_s)
        return total / len(values)

    def interval_s(self, coverage: float) -> tuple[N, N]:
        """The central interval that holds the duration with probability *coverage*."""
        if not 0 < coverage < 1:
            raise Invalid(f"a coverage lies between 0 and 1, got {coverage}")
        tail = (1 - coverage) / 2
        return self.quantile_s(tail), self.quantile_s(1 - tail)

    def probability_within(self, duration_s: N) -> N:
        """How likely the trip ends within *duration_s*, which must be positive."""
        scaled = (self.m.log(duration_s) - self.mu) / self.sigma
        return self.m.interpolate(scaled, self.residuals.values, self.residuals.probabilities)
