"""What is kept of an answered prediction, and what became of its trip."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from math import log

from taxi_predictor.domain.errors import Invalid
from taxi_predictor.domain.model import ModelVersion
from taxi_predictor.domain.prediction_id import PredictionId, predicted_at
from taxi_predictor.domain.trip import TripPlan

__all__ = [
    "OUTCOMES",
    "OUTCOME_HOUR",
    "REFERENCE_CHARS",
    "REFERENCE_PATTERN",
    "AnswerSource",
    "Outcome",
    "PredictionRecord",
    "ShadowScore",
    "source_of_hour",
]

OUTCOMES = "outcomes"
"""The family of trips that were predicted and whose durations were reported."""
OUTCOME_HOUR = "%Y-%m-%dT%H"
"""How an hour of theirs is written, in UTC: as text, hours are in the order of time."""

REFERENCE_CHARS = 64
REFERENCE_PATTERN = r"^[^\x00-\x1f\x7f]+(?![\s\S])"
"""No control characters; its end is said so that a last line feed is one too."""


class AnswerSource(StrEnum):
    """What a duration comes from: the steps of the ladder, best first."""

    CHAMPION = "champion"
    """The model that was promoted."""
    LAST_GOOD = "last-good"
    """The model that served before, as the champion's files cannot be used."""
    SPEED_PROFILE = "speed-profile"
    """Usual speeds by distance and hour, which came with a model whose trees cannot be used."""
    FALLBACK_SPEED = "fallback-speed"
    """One speed for the whole city: there is no model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictionRecord:
    """An answer as it was given, with all that made it.

    The distribution is that of ``exp(mu + sigma * z)`` seconds, where *z* scatters as the residuals of
    the model *version* do.
    """

    prediction_id: PredictionId
    plan: TripPlan
    mu: float
    sigma: float
    duration_s: float
    """The median, as it was answered."""
    lower_s: float
    upper_s: float
    """Between the two the duration lies with a probability of 80 %, whatever coverage was asked for."""
    version: ModelVersion | None
    """None: no model was asked."""
    source: AnswerSource
    level_factor: float = 1.0
    """What the live level multiplied the duration by."""
    degraded: str | None = None
    owner: str
    """Whom the answer was given to: the name of a key."""
    reference: str | None = None
    """What the owner calls the rider or the order, so that all of one can be erased."""

    def __post_init__(self) -> None:
        if not 0 < self.lower_s <= self.duration_s <= self.upper_s < float("inf"):
            raise Invalid("a duration lies within its interval, and is positive and finite")
        if self.reference is not None and not (
            len(self.reference) <= REFERENCE_CHARS and re.match(REFERENCE_PATTERN, self.reference)
        ):
            raise Invalid(f"a reference has 1 to {REFERENCE_CHARS} characters, and no control characters")

    @property
    def answered_at(self) -> datetime:
        return predicted_at(self.prediction_id)

    @property
    def whole_model(self) -> ModelVersion | None:
        """The version that answered by the whole of itself; None: a speed stood in for it."""
        return self.version if self.source in (AnswerSource.CHAMPION, AnswerSource.LAST_GOOD) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class ShadowScore:
    """What the model *version* would have answered; *mu* and *sigma* mean what they do in a record."""

    prediction_id: PredictionId
    version: ModelVersion
    mu: float
    sigma: float
    duration_s: float
    """The median."""

    def is_within(self, took_s: float, low: float, high: float) -> bool:
        """Whether *took_s* lies between the residuals *low* and *high* of the model."""
        return low <= (log(took_s) - self.mu) / self.sigma <= high


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How long a trip really took, as somebody reports it."""

    prediction_id: PredictionId
    duration_s: float
    pickup_at: datetime | None = None
    """When it really started; None: as planned."""
    reported_at: datetime
    owner: str
    """Who reports it: the name of a key."""

    def __post_init__(self) -> None:
        if not 0 < self.duration_s < float("inf"):
            raise Invalid(f"duration_s must be positive and finite, got {self.duration_s}")
        for at in (self.pickup_at, self.reported_at):
            if at is not None and at.utcoffset() is None:
                raise Invalid("a time without a zone names no instant")

    def says_the_same_as(self, other: "Outcome") -> bool:
        """Whether both tell of the same trip the same things, whoever reports them and when."""
        return (self.prediction_id, self.duration_s, self.pickup_at) == (
            other.prediction_id,
            other.duration_s,
            other.pickup_at,
        )


def source_of_hour(at: datetime) -> str:
    """The name of the source, and of its only part, that holds what was reported in the hour of *at*."""
    return f"{OUTCOMES}:{at.astimezone(UTC):{OUTCOME_HOUR}}"
