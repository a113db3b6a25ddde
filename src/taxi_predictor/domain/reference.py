"""What a model brings along for monitoring: how its training trips were, and how well it should do."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from taxi_predictor.domain.drift import ReferenceBins
from taxi_predictor.domain.errors import Invalid
from taxi_predictor.domain.features import SEASONAL_FEATURES

__all__ = ["PREDICTION", "UNCOMPARED", "Band", "Measure", "TrainingReference"]

PREDICTION = "prediction"
"""The name, among those of features, of the medians that the model answers, in seconds."""

UNCOMPARED = (*SEASONAL_FEATURES, "is_holiday", "days_to_holiday", "pickup_zone", "dropoff_zone")
"""A week always differs from a year in its season and its holidays, and zones are names, not quantities."""

SURE = 3.0
"""Standard errors beyond a band that no longer pass for chance (W. Shewhart, "Economic Control of Quality
of Manufactured Product", 1931)."""


class Measure(StrEnum):
    MAE = "mae"
    """Mean absolute error, seconds."""
    BIAS = "bias"
    """Mean of predicted minus actual, seconds."""
    COVERAGE = "coverage"
    """The share of trips inside their interval of 80 %."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """From *lower* to *upper*, in the unit of its measure."""

    lower: float
    upper: float
    day_deviation: float
    """By how much the values of single days scatter, beyond what their few trips explain."""

    def __post_init__(self) -> None:
        if not (self.lower < self.upper and self.day_deviation >= 0):
            raise Invalid(f"a band goes from a lower to an upper value, not {self.lower} to {self.upper}")

    def is_left_by(self, value: float, error: float) -> bool:
        """Whether *value*, with its standard *error*, surely lies outside."""
        return value - SURE * error > self.upper or value + SURE * error < self.lower


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingReference:
    features: Mapping[str, ReferenceBins]
    """Of trips that the model learned from, by the features that can be compared, and the
    :data:`PREDICTION` for them."""
    bands: Mapping[Measure, Band]
