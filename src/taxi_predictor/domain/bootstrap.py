"""How sure a difference between two models is, when trips of one day are not independent.

Rain, a strike or a marathon moves all trips of a day together, so days are drawn, not trips: the block
bootstrap (B. Efron and R. Tibshirani, "An Introduction to the Bootstrap", 1993, chapters 8 and 13).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

__all__ = ["Difference", "relative_difference"]

RESAMPLES = 2_000
SEED = 20_230_101


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A share: +0.01 is one percent more; the interval holds the true one with its confidence."""

    share: float
    low: float
    high: float


def relative_difference(
    days: Sequence[tuple[float, float]], *, resamples: int = RESAMPLES, confidence: float = 0.95
) -> Difference | None:
    """By which share the first sum of *days* exceeds the second, with its percentile interval.

    Each day brings two sums over the same trips, such as the absolute errors of two models in seconds.
    Equal days give an equal answer. Of a single day the interval is a point: there is nothing to draw.
    None if the second sum is not positive, as where there is no day.
    """
    total = sum(second for _, second in days)
    if not total > 0:
        return None
    share = sum(first for first, _ in days) / total - 1
    random, drawn = Random(SEED), []  # noqa: S311 # a resample, not a secret
    for _ in range(resamples):
        sample = random.choices(days, k=len(days))
        below = sum([second for _, second in sample])
        if below > 0:
            drawn.append(sum([first for first, _ in sample]) / below - 1)
    drawn.sort()
    tail = (1 - confidence) / 2
    last = len(drawn) - 1
    return Difference(share=share, low=drawn[round(tail * last)], high=drawn[round((1 - tail) * last)])
