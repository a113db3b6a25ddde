"""What is said of one trip."""

from dataclasses import dataclass
from datetime import datetime
from math import exp

from taxi_predictor.domain.arithmetic import SCALAR
from taxi_predictor.domain.distribution import DurationDistribution
from taxi_predictor.domain.evaluation import COVERAGE
from taxi_predictor.domain.level import LiveLevel
from taxi_predictor.domain.place import straight_km
from taxi_predictor.domain.record import AnswerSource
from taxi_predictor.domain.trip import TripPlan
from taxi_predictor.domain.wall_clock import after_s
from taxi_predictor.ports.outbound.shelf import ServedModel

__all__ = ["Prediction"]


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Prediction:
    """The answer for one trip. Times and durations are rounded to the millisecond, as in every face."""

    plan: TripPlan
    distribution: DurationDistribution[float]
    served: ServedModel
    """Who answered."""
    level: LiveLevel | None
    """The live level it was answered with."""
    degraded: str | None
    """What it had to do without, and why; None: nothing."""
    duration_s: float
    """The median: as many trips take longer as take less."""
    lower_s: float
    upper_s: float
    """Between the two it lies with the usual coverage, that of the log."""

    @classmethod
    def of(
        cls,
        plan: TripPlan,
        distribution: DurationDistribution[float],
        served: ServedModel,
        *,
        level: LiveLevel | None,
        degraded: str | None,
    ) -> "Prediction":
        """What the log keeps and the answer says, computed once."""
        lower_s, upper_s = distribution.interval_s(COVERAGE)
        return cls(
            plan=plan,
            distribution=distribution,
            served=served,
            level=level,
            degraded=degraded,
            duration_s=round(distribution.median_s(), 3),
            lower_s=round(lower_s, 3),
            upper_s=round(upper_s, 3),
        )

    def __repr__(self) -> str:
        """What it says: what it is made of has a century of holidays in it."""
        return (
            f"<Prediction: {self.duration_s:.0f} s, {COVERAGE:.0%} likely {self.lower_s:.0f} to"
            f" {self.upper_s:.0f} s, arriving {self.arrival_at.isoformat(' ', 'minutes')},"
            f" by {self.source} {self.served.label}>"
        )

    @property
    def source(self) -> AnswerSource:
        return self.served.source

    @property
    def level_factor(self) -> float:
        """What the live level multiplied the duration by, at the departure: 1 without any."""
        if self.level is None:
            return 1.0
        city = self.served.manifest.city
        local = self.plan.pickup_at.astimezone(city.tz)
        minute_of_day = local.hour * 60 + local.minute + local.second / 60
        return round(exp(self.level.of(SCALAR, self.distance_km, minute_of_day)), 4)

    def interval_s(self, coverage: float) -> tuple[float, float]:
        """The central interval that holds the duration with probability *coverage*."""
        if coverage == COVERAGE:
            return self.lower_s, self.upper_s
        lower_s, upper_s = self.distribution.interval_s(coverage)
        return round(lower_s, 3), round(upper_s, 3)

    @property
    def arrival_at(self) -> datetime:
        return after_s(self.plan.pickup_at, self.duration_s)

    @property
    def distance_km(self) -> float:
        """The great circle from pickup to drop-off, to the metre."""
        return straight_km(self.plan.pickup, self.plan.dropoff)
