"""A candidate serves only if nothing speaks against it."""

import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taxi_predictor.domain.evaluation import Scores
from taxi_predictor.domain.promotion import PromotionPolicy

GOOD = Scores(
    n=1000,
    mae_s=200.0,
    rmse_s=300.0,
    mape=0.25,
    rmsle=0.3,
    r2=0.7,
    bias_s=-5.0,
    within_5_min=0.8,
    pinball_s=70.0,
    coverage_80=0.8,
    width_80_s=600.0,
)
POLICY = PromotionPolicy()


def test_the_first_good_model_passes() -> None:
    verdict = POLICY.judge(GOOD, champion=None)
    assert verdict.passed
    assert verdict.reasons == ("MAE 200.0 s against no champion",)


def test_a_better_candidate_passes() -> None:
    verdict = POLICY.judge(GOOD, champion=replace(GOOD, mae_s=210.0))
    assert verdict.passed
    assert verdict.reasons == ("MAE 200.0 s against the champion's 210.0 s",)


@pytest.mark.parametrize(("mae_s", "passes"), [(200.0, True), (200.9, True), (201.1, False), (300.0, False)])
def test_a_fresher_model_may_be_half_a_percent_worse(mae_s: float, passes: bool) -> None:
    verdict = POLICY.judge(replace(GOOD, mae_s=mae_s), champion=GOOD)
    assert verdict.passed is passes
    assert verdict.reasons == (f"MAE {mae_s:.1f} s against the champion's 200.0 s",)


@pytest.mark.parametrize(("n", "passes"), [(49, False), (50, True)])
def test_few_held_out_trips_prove_nothing(n: int, passes: bool) -> None:
    verdict = POLICY.judge(replace(GOOD, n=n), champion=None)
    assert verdict.passed is passes
    assert passes or verdict.reasons == ("only 49 held-out trips, 50 are needed",)


@pytest.mark.parametrize("r2", [0.0, -0.5, math.nan, None])
def test_a_model_must_beat_the_mean_duration(r2: float | None) -> None:
    verdict = POLICY.judge(replace(GOOD, r2=r2), champion=None)
    assert not verdict.passed
    assert verdict.reasons == ("no better than answering the mean duration: R2 is not positive",)


@pytest.mark.parametrize(
    ("coverage_80", "passes"),
    [(0.71, False), (0.72, True), (0.8, True), (0.88, True), (0.89, False), (math.nan, False)],
)
def test_intervals_must_hold_about_what_they_promise(coverage_80: float, passes: bool) -> None:
    verdict = POLICY.judge(replace(GOOD, coverage_80=coverage_80), champion=None)
    assert verdict.passed is passes
    assert passes or verdict.reasons == (
        f"80 % intervals cover {coverage_80:.1%} of the trips, not 72% to 88%",
    )


def test_all_that_speaks_against_a_candidate_is_said() -> None:
    bad = replace(GOOD, n=3, r2=-1.0, coverage_80=0.2, mae_s=900.0)
    verdict = POLICY.judge(bad, champion=GOOD)
    assert not verdict.passed
    assert [reason.split()[0] for reason in verdict.reasons] == ["only", "no", "80", "MAE"]


def test_a_policy_may_be_stricter() -> None:
    strict = PromotionPolicy(min_held_out_trips=5000, max_worse_share=0.0, coverage_80=(0.79, 0.795))
    assert len(strict.judge(GOOD, champion=replace(GOOD, mae_s=199.9)).reasons) == 3


@given(mae_s=st.floats(1, 1e4), rival_s=st.floats(1, 1e4))
@settings(max_examples=60, deadline=None)
def test_every_verdict_gives_a_reason(mae_s: float, rival_s: float) -> None:
    verdict = POLICY.judge(replace(GOOD, mae_s=mae_s), champion=replace(GOOD, mae_s=rival_s))
    assert verdict.passed is (mae_s <= rival_s * 1.005)
    assert verdict.reasons
