"""What became of a prediction: told once, and told again."""

import math
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from taxi_predictor.domain.record import source_of_hour
from taxi_predictor.ports.testing.records import a_prediction_id, a_score, an_outcome
from taxi_predictor.ports.testing.samples import NOON


def test_whoever_reports_an_outcome_and_when_it_says_the_same() -> None:
    outcome = an_outcome(1, pickup_at=NOON)
    assert outcome.says_the_same_as(replace(outcome, owner="other", reported_at=NOON + timedelta(days=1)))


@pytest.mark.parametrize(
    "change",
    [{"prediction_id": a_prediction_id(2)}, {"duration_s": 701.0}, {"pickup_at": None}],
    ids=lambda change: next(iter(change)),
)
def test_an_outcome_of_another_trip_or_of_other_facts_says_something_else(change: dict[str, object]) -> None:
    outcome = an_outcome(1, pickup_at=NOON)
    assert not outcome.says_the_same_as(replace(outcome, **change))


def test_a_shadow_holds_what_lies_between_its_residuals() -> None:
    shadow = replace(a_score(a_prediction_id(1)), mu=math.log(500), sigma=0.5)
    for residual, is_within in ((-1.01, False), (-0.99, True), (0.0, True), (1.99, True), (2.01, False)):
        assert shadow.is_within(500 * math.exp(0.5 * residual), -1.0, 2.0) is is_within
    assert shadow.is_within(500.0, 0.0, 0.0)


def test_an_hour_of_outcomes_is_named_by_utc() -> None:
    at = datetime(2024, 3, 1, 20, 59, tzinfo=timezone(timedelta(hours=-5)))
    assert source_of_hour(at) == "outcomes:2024-03-02T01"
