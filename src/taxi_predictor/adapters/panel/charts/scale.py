"""From values to places on a picture, and the round numbers to write beside it."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, log10

__all__ = ["Scale", "round_ticks"]


@dataclass(frozen=True, slots=True)
class Scale:
    """A straight scale from *low* to *high*, which differ."""

    low: float
    high: float

    def percent(self, value: float) -> float:
        """Where *value* stands, from 0 at the low end to 100; what lies beyond is moved to the end."""
        share = (value - self.low) / (self.high - self.low)
        return round(100 * min(max(share, 0.0), 1.0), 3)


def round_ticks(
    low: float, high: float, *, at_most: int = 6, steps: Sequence[float] = (1, 2, 5)
) -> list[float]:
    """Multiples of a round step (one of *steps* times a power of ten) from *low* to *high*."""
    span = high - low
    if span <= 0:
        return [low]
    power = floor(log10(span)) - 1
    while True:
        for factor in steps:
            step = factor * 10.0**power
            first, last = ceil(low / step - 1e-9), floor(high / step + 1e-9)
            if last - first < at_most:
                return [number * step for number in range(first, last + 1)]
        power += 1
