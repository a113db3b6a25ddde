"""How good a model is on trips whose end is known: sums that add up over batches, then scores."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields

from taxi_predictor.domain.arithmetic import Column, ColumnArithmetic
from taxi_predictor.domain.city import City
from taxi_predictor.domain.model import BatchEstimate
from taxi_predictor.domain.place import ZoneTable
from taxi_predictor.domain.slices import slice_order, slices

__all__ = ["COVERAGE", "Answers", "BaselineScores", "Evaluation", "Scores", "Tally", "baseline_scores"]

COVERAGE = 0.8
PINBALL_LEVELS = (0.1, 0.5, 0.9)
"""The median, and the ends of the interval that holds 80 %."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """Errors are predicted minus actual; shares and relative errors are fractions, not percent."""

    n: int
    mae_s: float
    rmse_s: float
    mape: float
    rmsle: float
    r2: float | None
    """None where all trips last equally long: there is nothing to explain."""
    bias_s: float
    within_5_min: float
    pinball_s: float
    """Mean pinball loss at 10, 50 and 90 % (Koenker and Bassett, 1978)."""
    coverage_80: float
    width_80_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class BaselineScores:
    mae_s: float
    lift: float
    """By which share the model's MAE is lower on the same trips; negative where it is higher."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """Sums over trips; tallies of two batches add up to the tally of both."""

    n: float = 0.0
    error_s: float = 0.0
    abs_error_s: float = 0.0
    squared_error_s2: float = 0.0
    relative_error: float = 0.0
    squared_log_error: float = 0.0
    actual_s: float = 0.0
    squared_actual_s2: float = 0.0
    within_5_min: float = 0.0
    pinball_s: float = 0.0
    covered: float = 0.0
    width_s: float = 0.0

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(**{f.name: getattr(self, f.name) + getattr(other, f.name) for f in fields(self)})

    def scores(self) -> Scores | None:
        """The scores, or None of no trip at all."""
        if not self.n:
            return None
        n = self.n
        variance_s2 = self.squared_actual_s2 / n - (self.actual_s / n) ** 2
        mse_s2 = self.squared_error_s2 / n
        return Scores(
            n=round(n),
            mae_s=self.abs_error_s / n,
            rmse_s=math.sqrt(mse_s2),
            mape=self.relative_error / n,
            rmsle=math.sqrt(self.squared_log_error / n),
            # Relative to the square: the difference of two sums leaves a little of nothing.
            r2=1 - mse_s2 / variance_s2 if variance_s2 > 1e-12 * self.squared_actual_s2 / n else None,
            bias_s=self.error_s / n,
            within_5_min=self.within_5_min / n,
            pinball_s=self.pinball_s / n,
            coverage_80=self.covered / n,
            width_80_s=self.width_s / n,
        )


@dataclass(slots=True)
class Evaluation:
    """Scores of one model, overall and by slice, gathered batch by batch.

    One of each local day lets days be drawn again (see :mod:`taxi_predictor.domain.bootstrap`);
    together they add up to that of all days. *baselines_s* holds the absolute errors of the
    baselines on the same trips, their sums in seconds by name.
    """

    city: City
    zones: ZoneTable | None = None
    overall: Tally = field(default_factory=Tally)
    slices: dict[str, Tally] = field(default_factory=dict)
    baselines_s: dict[str, float] = field(default_factory=dict)

    def __add__(self, other: "Evaluation") -> "Evaluation":
        both = Evaluation(self.city, self.zones, self.overall + other.overall)
        for each in (self, other):
            for name, tally in each.slices.items():
                both.slices[name] = both.slices.get(name, Tally()) + tally
            for name, abs_error_s in each.baselines_s.items():
                both.baselines_s[name] = both.baselines_s.get(name, 0.0) + abs_error_s
        return both

    def add(self, actual_s: Column, estimate: BatchEstimate) -> None:
        """Count one batch; *actual_s* are the trips' durations in the order of *estimate*."""
        self.add_answers(actual_s, Answers.of(estimate), estimate.features)

    def add_answers(self, actual_s: Column, answers: "Answers", features: Mapping[str, Column]) -> None:
        """Count one batch that was answered earlier, of which no more is known than the *answers*."""
        m = answers.m
        losses = answers.losses(actual_s)
        everything = m.column([1.0]) + 0 * actual_s
        self.overall += _sum(m, losses, everything)
        for name, member in slices(m, features, self.city, self.zones):
            # Most slices of places are empty: a batch is cheaper without them.
            if m.total(member):
                self.slices[name] = self.slices.get(name, Tally()) + _sum(m, losses, member)

    def add_baseline(self, name: str, actual_s: Column, predicted_s: Column, m: ColumnArithmetic) -> None:
        """Count what the baseline *name* answered on a batch that was added."""
        missed_s = m.total(m.fabs(predicted_s - actual_s))
        self.baselines_s[name] = self.baselines_s.get(name, 0.0) + missed_s

    def scores(self) -> Scores | None:
        return self.overall.scores()

    def scores_by_slice(self) -> Mapping[str, Scores]:
        """The scores of each slice that has trips, in their order: batches bring them in as they come."""
        scored = ((name, self.slices[name].scores()) for name in sorted(self.slices, key=slice_order))
        return {name: scores for name, scores in scored if scores is not None}

    def baselines(self) -> Mapping[str, BaselineScores]:
        """Each baseline's scores on the same trips; empty where none was asked."""
        return baseline_scores(self.overall, self.baselines_s)


def baseline_scores(model: Tally, baselines_s: Mapping[str, float]) -> Mapping[str, BaselineScores]:
    """The scores of baselines on the trips of *model*, of the sums of their absolute errors by name."""
    return {
        name: BaselineScores(
            mae_s=total_s / model.n, lift=1 - model.abs_error_s / total_s if total_s else 0.0
        )
        for name, total_s in baselines_s.items()
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What many trips were answered: the median, and the interval that holds 80 %."""

    m: ColumnArithmetic
    lower_s: Column
    median_s: Column
    upper_s: Column

    @classmethod
    def of(cls, estimate: BatchEstimate) -> "Answers":
        distribution = estimate.distribution
        lower_s, upper_s = distribution.interval_s(COVERAGE)
        return cls(m=estimate.m, lower_s=lower_s, median_s=distribution.median_s(), upper_s=upper_s)

    def tally(self, actual_s: Column) -> Tally:
        """The sums over trips that took *actual_s*."""
        return _sum(self.m, self.losses(actual_s), 0 * actual_s + 1)

    def losses(self, actual_s: Column) -> Mapping[str, Column]:
        """What each trip adds to a :class:`Tally`, by its fields."""
        m = self.m
        error_s = self.median_s - actual_s
        log_error = m.log(1 + self.median_s) - m.log(1 + actual_s)
        pinball_s = 0 * actual_s
        for level, quantile_s in zip(
            PINBALL_LEVELS, (self.lower_s, self.median_s, self.upper_s), strict=True
        ):
            missing_s = actual_s - quantile_s
            pinball_s = pinball_s + m.where(missing_s >= 0, missing_s * level, missing_s * (level - 1))
        return {
            "n": 0 * actual_s + 1,
            "error_s": error_s,
            "abs_error_s": m.fabs(error_s),
            "squared_error_s2": error_s * error_s,
            "relative_error": m.fabs(error_s) / actual_s,
            "squared_log_error": log_error * log_error,
            "actual_s": actual_s,
            "squared_actual_s2": actual_s * actual_s,
            "within_5_min": m.where(m.fabs(error_s) <= 300, 1.0, 0.0),
            "pinball_s": pinball_s / len(PINBALL_LEVELS),
            "covered": m.where(m.both(actual_s >= self.lower_s, actual_s <= self.upper_s), 1.0, 0.0),
            "width_s": self.upper_s - self.lower_s,
        }


def _sum(m: ColumnArithmetic, losses: Mapping[str, Column], member: Column) -> Tally:
    return Tally(**{name: m.total(loss * member) for name, loss in losses.items()})
