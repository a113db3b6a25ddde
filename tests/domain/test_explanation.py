"""Contributions, in words and in seconds."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taxi_predictor.domain.explanation import CAUSE_OF, Cause, Explanation
from taxi_predictor.domain.features import FEATURE_NAMES


def test_every_feature_has_a_cause() -> None:
    assert set(CAUSE_OF) == set(FEATURE_NAMES)


@given(st.floats(4, 9), st.dictionaries(st.sampled_from(Cause), st.floats(-1, 1), min_size=1))
def test_parts_add_up_in_seconds_and_multiply_as_factors(usual: float, logs: dict[Cause, float]) -> None:
    explanation = Explanation.of(usual, logs)
    parts = explanation.parts
    assert explanation.usual_s + sum(part.seconds for part in parts) == pytest.approx(explanation.duration_s)
    factors = math.prod(part.factor for part in parts)
    assert explanation.usual_s * factors == pytest.approx(explanation.duration_s)
    assert explanation.duration_s == pytest.approx(math.exp(usual + sum(logs.values())))


def test_what_makes_a_trip_longer_takes_seconds_of_its_own_sign() -> None:
    explanation = Explanation.of(6.0, {Cause.DISTANCE: 0.5, Cause.TIME: -0.2, Cause.HOLIDAY: 0.0})
    distance, time, holiday = (part.seconds for part in explanation.parts)
    assert distance > 0 > time
    assert holiday == 0
    assert [(part.cause, part.log) for part in explanation.parts] == [
        (Cause.DISTANCE, 0.5),
        (Cause.TIME, -0.2),
        (Cause.HOLIDAY, 0.0),
    ]


def test_causes_that_cancel_leave_the_usual_trip() -> None:
    explanation = Explanation.of(6.0, {Cause.DISTANCE: 0.5, Cause.TIME: -0.5})
    assert explanation.duration_s == pytest.approx(explanation.usual_s)
    assert [part.seconds for part in explanation.parts] == pytest.approx(
        [0.5 * math.exp(6), -0.5 * math.exp(6)]
    )
