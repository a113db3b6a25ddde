"""Records of predictions, and outcomes, as samples and as strategies."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from taxi_predictor.domain.model import ModelVersion
from taxi_predictor.domain.prediction_id import PredictionId
from taxi_predictor.domain.record import (
    REFERENCE_CHARS,
    AnswerSource,
    Outcome,
    PredictionRecord,
    ShadowScore,
)
from taxi_predictor.ports.testing.samples import NOON, a_trip
from taxi_predictor.ports.testing.strategies import plans

__all__ = ["a_prediction_id", "a_record", "a_score", "an_outcome", "records"]


def a_prediction_id(number: int, *, at: datetime = NOON) -> PredictionId:
    """The *number*-th of the predictions made at *at*."""
    digits = f"{int(at.timestamp() * 1000):012x}"
    return PredictionId(f"{digits[:8]}-{digits[8:]}-7000-8000-{number:012x}")


def a_record(
    number: int, *, at: datetime = NOON, owner: str = "app", reference: str | None = None
) -> PredictionRecord:
    """One of any number of different predictions."""
    duration_s = 600.0 + number
    return PredictionRecord(
        prediction_id=a_prediction_id(number, at=at),
        plan=replace(a_trip(number).plan, pickup_at=at),
        mu=6.4,
        sigma=0.3,
        duration_s=duration_s,
        lower_s=duration_s / 2,
        upper_s=duration_s * 2,
        version=ModelVersion(3),
        source=AnswerSource.CHAMPION,
        owner=owner,
        reference=reference,
    )


def a_score(prediction_id: PredictionId, *, version: int = 4, duration_s: float = 650.0) -> ShadowScore:
    """What version 4 would have answered."""
    return ShadowScore(
        prediction_id=prediction_id, version=ModelVersion(version), mu=6.5, sigma=0.25, duration_s=duration_s
    )


def an_outcome(
    number: int,
    *,
    at: datetime = NOON,
    duration_s: float = 700.0,
    reported_at: datetime = NOON + timedelta(hours=1),
    pickup_at: datetime | None = None,
) -> Outcome:
    """What became of the trip of ``a_record(number, at=at)``."""
    return Outcome(
        prediction_id=a_prediction_id(number, at=at),
        duration_s=duration_s,
        pickup_at=pickup_at,
        reported_at=reported_at,
        owner="dispatch",
    )


TEXTS = st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=REFERENCE_CHARS)


@st.composite
def records(draw: st.DrawFn) -> PredictionRecord:
    """Any prediction, of all kinds."""
    lower_s, duration_s, upper_s = sorted(draw(st.tuples(*[st.floats(1e-3, 1e6)] * 3)))
    unix_ms = draw(st.integers(0, 2**42))
    return PredictionRecord(
        prediction_id=a_prediction_id(
            draw(st.integers(0, 2**48 - 1)), at=datetime.fromtimestamp(unix_ms / 1000, UTC)
        ),
        plan=draw(plans()),
        mu=draw(st.floats(-10, 20)),
        sigma=draw(st.floats(1e-3, 5)),
        duration_s=duration_s,
        lower_s=lower_s,
        upper_s=upper_s,
        version=draw(st.none() | st.integers(1, 2**31 - 1).map(ModelVersion)),
        source=draw(st.sampled_from(AnswerSource)),
        level_factor=draw(st.floats(0.1, 10)),
        degraded=draw(st.none() | TEXTS),
        owner=draw(TEXTS.filter(bool)),
        reference=draw(st.none() | TEXTS.filter(bool)),
    )
