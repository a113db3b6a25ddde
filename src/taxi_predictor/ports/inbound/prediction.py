"""What is said of one trip."""

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from math import exp

from taxi_predictor.domain.arithmetic import SCALAR
from taxi_predictor.domain.distribution import DurationDistribution
from taxi_predictor.domain.evaluation import COVERAGE
from taxi_predictor.domain.level import LiveLevel
from taxi_predictor.domain.place import straight_km
from taxi_predictor.domain.record import AnswerSource
from taxi_predictor.domain.trip import TripPlan
from taxi_predictor.domain.wall_clock import after_s
from taxi_predictor.ports.outbound.models import ServedModel

__all__ = ["Prediction"]


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """The answer for one trip. Times and durations are rounded to the millisecond, as in every face.

    What the log keeps and the answer says is computed once.
    """

    plan: TripPlan
    distribution: DurationDistribution[float]
    served: ServedModel
    """Who answered."""
    level: LiveLevel | None = None
    """The live level it was answered with."""
    degraded: str | None = None
    """What it had to do without, and why; None: nothing."""

    @property
    def source(self) -> AnswerSource:
        return self.served.source

    @cached_property
    def duration_s(self) -> float:
        """The median: as many trips take longer as take less."""
        return round(self.distribution.median_s(), 3)

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
        if coverage == COVERAGE:
            return self._usual_interval_s
        low_s, high_s = self.distribution.interval_s(coverage)
        return round(low_s, 3), round(high_s, 3)

    @cached_property
    def _usual_interval_s(self) -> tuple[float, float]:
        low_s, high_s = self.distribution.interval_s(COVERAGE)
        return round(low_s, 3), round(high_s, 3)

    @property
    def arrival_at(self) -> datetime:
        return after_s(self.plan.pickup_at, self.duration_s)

    @property
    def distance_km(self) -> float:
        """The great circle from pickup to drop-off, to the metre."""
        return straight_km(self.plan.pickup, self.plan.dropoff)
