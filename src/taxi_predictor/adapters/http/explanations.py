"""What makes a trip longer or shorter than the usual one, as JSON."""

from dataclasses import asdict
from typing import Annotated

from msgspec import Meta, Struct

from taxi_predictor.domain.explanation import Cause, Explanation

__all__ = ["ExplanationAnswer", "PartAnswer"]


class PartAnswer(Struct, frozen=True, kw_only=True):
    """What one cause makes of the usual duration."""

    cause: Cause
    log: Annotated[float, Meta(description="What it adds to ln(seconds).")]
    factor: Annotated[float, Meta(description="What it multiplies the duration by.")]
    seconds: Annotated[float, Meta(description="Its share of the difference to the usual duration.")]


class ExplanationAnswer(Struct, frozen=True, kw_only=True):
    """Why the trip takes this long: the usual duration and all seconds add up to the duration."""

    usual_s: Annotated[float, Meta(description="The duration of a trip about which nothing is known.")]
    duration_s: float
    parts: list[PartAnswer]

    @classmethod
    def of(cls, explanation: Explanation) -> "ExplanationAnswer":
        return cls(
            usual_s=explanation.usual_s,
            duration_s=explanation.duration_s,
            parts=[PartAnswer(**asdict(part)) for part in explanation.parts],
        )
