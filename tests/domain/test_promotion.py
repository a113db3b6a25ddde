"""A candidate serves only if nothing speaks against it."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taxi_predictor.domain.distribution import ScaledResiduals
from taxi_predictor.domain.evaluation import Evaluation, Tally
from taxi_predictor.domain.model import Manifest
from taxi_predictor.domain.promotion import Champion, Evidence, PromotionPolicy
from taxi_predictor.domain.verdict import Check
from taxi_predictor.ports.testing.samples import NOON, SPLIT
from taxi_predictor.ports.testing.strategies import A_CITY

POLICY = PromotionPolicy()
MANIFEST = Manifest(
    engine="none",
    city=A_CITY,
    features=("distance_km",),
    residuals=ScaledResiduals((0.1, 0.5, 0.9), (-1.25, 0.0, 1.5)),
    split=SPLIT,
    trips=2_000,
    sources=("sample",),
    fingerprint="",
    seed=7,
    params={},
    created_at=NOON,
    code_version="0",
)


def tally(*, n: float = 300, mae_s: float = 200.0, coverage: float = 0.8, bias: float = -0.05) -> Tally:
    return Tally(n=n, abs_error_s=n * mae_s, covered=n * coverage, actual_s=n * 900, error_s=n * 900 * bias)


def a_day(overall: Tally | None = None, baseline_s: float = 250.0, **slices: Tally) -> Evaluation:
    overall = overall or tally()
    named = {name.replace("_", " "): each for name, each in {"airport": tally(n=120), **slices}.items()}
    return Evaluation(A_CITY, None, overall, named, {"shrunk lookup": baseline_s * overall.n})


def days(day: Evaluation, number: int = 6) -> list[Evaluation]:
    return [day] * number


def rival(day: Evaluation, *, later_days: int = 0) -> Champion:
    return Champion(days=days(day), learned_until=SPLIT.held_out_from + timedelta(days=later_days))


GOOD = Evidence(
    manifest=MANIFEST,
    artifact="5e" * 32,
    size_bytes=2**20,
    median_latency_ms=1.0,
    days=days(a_day()),
    champion=rival(a_day()),
    city=A_CITY,
    newest_trip_at=SPLIT.until,
)


def test_a_good_candidate_passes_every_check_and_its_verdict_names_its_files() -> None:
    for champion in (None, GOOD.champion):
        verdict = POLICY.judge(replace(GOOD, champion=champion))
        assert verdict.passed, verdict.reasons
        assert verdict.artifact == GOOD.artifact
        assert verdict.reasons == tuple(check.detail for check in verdict.checks)


BAD: Mapping[str, Evidence] = {
    "training-trips": replace(GOOD, manifest=replace(MANIFEST, trips=499)),
    "held-out-trips": replace(GOOD, days=days(a_day(tally(n=8))), champion=None),
    "coverage": replace(GOOD, days=days(a_day(tally(coverage=0.6)))),
    "slice-coverage": replace(GOOD, days=days(a_day(airport=tally(n=120, coverage=0.55)))),
    "bias": replace(GOOD, days=days(a_day(tally(bias=0.2)))),
    "slice-bias": replace(GOOD, days=days(a_day(airport=tally(n=120, bias=0.2)))),
    "baselines": replace(GOOD, days=days(a_day(baseline_s=199.0))),
    "plausible": replace(GOOD, days=days(a_day(baseline_s=420.0))),
    "champion": replace(GOOD, champion=rival(a_day(tally(mae_s=198.0)))),
    "slice-champion": replace(GOOD, champion=rival(a_day(airport=tally(n=120, mae_s=185.0)))),
    "city": replace(GOOD, city=replace(A_CITY, time_zone="Asia/Kolkata")),
    "latency": replace(GOOD, median_latency_ms=20.5),
    "size": replace(GOOD, size_bytes=65 * 2**20),
    "not-older": replace(GOOD, champion=rival(a_day(), later_days=31)),
    "data-age": replace(GOOD, newest_trip_at=SPLIT.until + timedelta(days=541)),
    "sane": replace(GOOD, sanity=[Check("sane", False, "farther takes less")]),
}


@pytest.mark.parametrize("name", BAD)
def test_each_check_refuses_what_it_is_for_and_nothing_else_does(name: str) -> None:
    verdict = POLICY.judge(BAD[name])
    assert not verdict.passed
    assert verdict.failed == [name]
    assert len(verdict.reasons) == 1


def test_all_that_speaks_against_a_candidate_is_said() -> None:
    bad = replace(BAD["coverage"], median_latency_ms=99.0, manifest=replace(MANIFEST, trips=3))
    verdict = POLICY.judge(bad)
    assert verdict.failed == ["training-trips", "coverage", "latency"]
    assert len(verdict.reasons) == 3


def test_a_candidate_without_a_baseline_to_beat_is_refused() -> None:
    alone = [replace_baselines(day) for day in GOOD.days]
    assert POLICY.judge(replace(GOOD, days=alone)).failed == ["baselines"]


def replace_baselines(day: Evaluation) -> Evaluation:
    return replace(day, baselines_s={})


def test_a_difference_within_the_noise_of_days_is_forgiven_up_to_two_percent() -> None:
    def against(*mae_s: float) -> Evidence:
        rivals = [a_day(tally(mae_s=each)) for each in mae_s]
        return replace(GOOD, champion=Champion(days=rivals, learned_until=SPLIT.held_out_from))

    assert POLICY.judge(against(180.0, 190.0, 200.0, 205.0, 210.0, 208.0)).passed
    assert POLICY.judge(against(150.0, 160.0, 200.0, 205.0, 240.0, 210.0)).failed == ["champion"]


@pytest.mark.parametrize(
    "airport", [tally(n=80, bias=0.5, coverage=0.1), None], ids=["few trips", "few days"]
)
def test_a_slice_that_says_too_little_is_not_judged(airport: Tally | None) -> None:
    if airport is not None:
        assert POLICY.judge(replace(GOOD, days=days(a_day(airport=airport)))).passed
        return
    holiday = a_day(holiday=tally(n=290, bias=0.4))
    assert POLICY.judge(replace(GOOD, days=[holiday, holiday, *GOOD.days[2:]])).passed
    assert POLICY.judge(replace(GOOD, days=[holiday] * 3 + list(GOOD.days[3:]))).failed == ["slice-bias"]


def test_a_bias_at_the_airport_is_found_whatever_the_city_s_own() -> None:
    for natural in (-0.05, -0.12):
        for factor in (0.7, 1.3):
            airport = tally(n=120, bias=(1 + natural) * factor - 1)
            assert POLICY.judge(replace(GOOD, days=days(a_day(airport=airport)))).failed == ["slice-bias"]


def scaled(by: float) -> Callable[[Evaluation], Evaluation]:
    return lambda day: replace(day, overall=replace(day.overall, abs_error_s=day.overall.abs_error_s * by))


@given(worse=st.floats(0.9, 1.2))
@settings(max_examples=15, deadline=None)
def test_a_worse_candidate_never_passes_where_a_better_one_is_refused(worse: float) -> None:
    verdict = POLICY.judge(replace(GOOD, days=list(map(scaled(worse), GOOD.days))))
    assert ("champion" not in verdict.failed) is (worse <= 1.005 + 1e-9)
    assert verdict.reasons
