"""A rolling origin: what models would have answered, had one been trained at each of many instants.

Each origin parts the trips that a model learns from and those that it is measured on, which end where
the next origin begins (L. J. Tashman, "Out-of-sample tests of forecasting accuracy", 2000).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from taxi_predictor.domain.errors import Invalid
from taxi_predictor.domain.evaluation import BaselineScores, Scores, Tally, baseline_scores
from taxi_predictor.domain.split import local_midnight

__all__ = ["Every", "Fold", "FoldResult", "folds"]

Every = Literal["month", "week"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fold:
    """Trips before *origin* are learned from, those from it up to, not including, *until* are measured."""

    origin: datetime
    until: datetime

    def __post_init__(self) -> None:
        object.__setattr__(self, "origin", self.origin.astimezone(UTC))
        object.__setattr__(self, "until", self.until.astimezone(UTC))
        if not self.origin < self.until:
            raise Invalid(f"a fold ends after its origin: {self}")


@dataclass(frozen=True, slots=True, kw_only=True)
class FoldResult:
    """What the model of one fold, and the baselines beside it, made of the trips to come."""

    learned_from: int
    """How many trips."""
    tally: Tally
    baselines_s: Mapping[str, float]
    """The sums of their absolute errors on the same trips, by name."""
    levelled: Tally | None = None
    """The same trips, each with the live level of its departure; None where that was not asked for."""

    @property
    def scores(self) -> Scores:
        scores = self.tally.scores()
        assert scores is not None, "a fold without a trip has no result"
        return scores

    @property
    def baselines(self) -> Mapping[str, BaselineScores]:
        return baseline_scores(self.tally, self.baselines_s)


def folds(since: datetime, until: datetime, *, every: Every, tz: ZoneInfo) -> Sequence[Fold]:
    """One fold for each local month or week (from Monday) that begins from *since* on and before *until*.

    The last one ends at *until*.

    Raises:
        Invalid: none begins there.
    """
    first = since.astimezone(tz).date()
    origin = first.replace(day=1) if every == "month" else first - timedelta(days=first.weekday())
    origins: list[datetime] = []
    while (at := local_midnight(origin, tz)).astimezone(UTC) < until.astimezone(UTC):
        if at.astimezone(UTC) >= since.astimezone(UTC):
            origins.append(at)
        origin = _next(origin, every)
    if not origins:
        raise Invalid(
            f"no {every} begins from {since.astimezone(tz):%Y-%m-%d} on and before"
            f" {until.astimezone(tz):%Y-%m-%d}: move --from or --to"
        )
    ends = [*origins[1:], until]
    return [Fold(origin=origin, until=end) for origin, end in zip(origins, ends, strict=True)]


def _next(origin: date, every: Every) -> date:
    if every == "week":
        return origin + timedelta(days=7)
    return (origin + timedelta(days=31)).replace(day=1)
