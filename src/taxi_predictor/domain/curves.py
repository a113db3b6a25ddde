"""What single numbers hide: how often each quantile holds, and how errors go through the day."""

from dataclasses import dataclass, field

from taxi_predictor.domain.arithmetic import Column
from taxi_predictor.domain.model import BatchEstimate

__all__ = ["LEVELS", "Curves"]

LEVELS = tuple(step / 20 for step in range(1, 20))
"""The quantiles that are looked at."""
HOURS = 24


@dataclass(slots=True)
class Curves:
    """Counts of trips, gathered batch by batch."""

    trips: float = 0.0
    within: list[float] = field(default_factory=lambda: [0.0] * len(LEVELS))
    """How many ended within their quantile of each level."""
    hour_trips: list[float] = field(default_factory=lambda: [0.0] * HOURS)
    hour_error_s: list[float] = field(default_factory=lambda: [0.0] * HOURS)

    def add(self, actual_s: Column, estimate: BatchEstimate) -> None:
        """Count one batch; *actual_s* are the trips' durations in the order of *estimate*."""
        m, distribution = estimate.m, estimate.distribution
        self.trips += len(actual_s)
        for place, level in enumerate(LEVELS):
            self.within[place] += m.total(actual_s <= distribution.quantile_s(level))
        hour = estimate.features["minute_of_day"] // 60
        error_s = m.fabs(distribution.median_s() - actual_s)
        for number in range(HOURS):
            inside = m.where(m.both(hour >= number, hour <= number), 1.0, 0.0)
            self.hour_trips[number] += m.total(inside)
            self.hour_error_s[number] += m.total(inside * error_s)

    def calibration(self) -> tuple[float, ...]:
        """The share of trips that ended within their quantile, by level; honest where it is the level."""
        return tuple(count / self.trips for count in self.within) if self.trips else ()

    def mae_by_hour_s(self) -> tuple[float | None, ...]:
        """The MAE of trips that left in each hour of the local day; None where none did."""
        return tuple(
            error_s / trips if trips else None
            for trips, error_s in zip(self.hour_trips, self.hour_error_s, strict=True)
        )
