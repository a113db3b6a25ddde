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
from taxi_predictor.domain.promotion import Champion, Evidence, PromotionPolicy, same_city
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


def refused(evidence: Evidence, policy: PromotionPolicy = POLICY) -> list[str]:
    return [check.name for check in policy.judge(evidence).checks if check.passed is False]


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
    assert [check.passed for check in verdict.checks] == [check.name != name for check in verdict.checks]
    assert len(verdict.reasons) == 1


def test_all_that_speaks_against_a_candidate_is_said() -> None:
    bad = replace(BAD["coverage"], median_latency_ms=99.0, manifest=replace(MANIFEST, trips=3))
    verdict = POLICY.judge(bad)
    assert verdict.failed == ["training-trips", "coverage", "latency"]
    assert len(verdict.reasons) == 3


def test_a_candidate_without_a_baseline_to_beat_is_refused() -> None:
    alone = [replace_baselines(day) for day in GOOD.days]
    assert refused(replace(GOOD, days=alone)) == ["baselines"]


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


# --- what is said ---

AGAINST = "against the champion"
FOUND = {
    "training-trips": "2,000 training trips",
    "held-out-trips": "1,800 held-out trips",
    "coverage": "coverage: all trips 80.0%",
    "slice-coverage": "slice-coverage: airport 80.0%",
    "bias": "bias: all trips -5.0%",
    "slice-bias": "slice-bias: airport -5.0%",
    "baselines": "MAE 200.0 s against 250.0 s of the baseline shrunk lookup",
    "plausible": "20.0% below the best baseline is plausible",
    "champion": f"MAE +0.0% (+0.0% to +0.0%) {AGAINST}",
    "slice-champion": "no slice is worse than that of the champion",
    "city": f"a model of {A_CITY.name}",
    "latency": "1.00 ms for one prediction, 20 ms are allowed",
    "size": "1.0 MB, 64 MB are allowed",
    "not-older": "no older than the champion",
    "data-age": "the newest trip is 0 days after its data, 540 are allowed",
}
REFUSED = {
    "training-trips": "only 499 training trips, 500 are needed",
    "held-out-trips": "only 48 held-out trips, 50 are needed",
    "coverage": "all trips: 80 % intervals hold 60.0% of the trips; 72.0% to 88.0% are allowed",
    "slice-coverage": "airport: 80 % intervals hold 55.0% of the trips; 65.0% to 93.0% are allowed",
    "bias": "all trips: the answers are off by +20.0%; -25.0% to +15.0% are allowed",
    "slice-bias": "airport: the answers are off by +20.0%; -32.0% to +13.0% are allowed",
    "baselines": "MAE 200.0 s against 199.0 s of the baseline shrunk lookup",
    "plausible": "52.4% below the best baseline is too good to be true: looks like a leak",
    "champion": f"MAE +1.0% (+1.0% to +1.0%) {AGAINST}",
    "slice-champion": f"airport: MAE +8.1% (+8.1% to +8.1%) {AGAINST}",
    "city": f"a model of {A_CITY.name} does not serve {A_CITY.name} as it is set up",
    "latency": "20.50 ms for one prediction, 20 ms are allowed",
    "size": "65.0 MB, 64 MB are allowed",
    "not-older": "the champion learned until 31 days later, 30 are allowed",
    "data-age": "the newest trip is 541 days after its data, 540 are allowed",
    "sane": "farther takes less",
}


def said(evidence: Evidence) -> Mapping[str, str]:
    return {check.name: check.detail for check in POLICY.judge(evidence).checks}


def test_each_check_says_what_was_found() -> None:
    assert said(GOOD) == FOUND
    alone = {name: text for name, text in FOUND.items() if name != "slice-champion"}
    assert said(replace(GOOD, champion=None)) == alone | {"champion": "MAE 200.0 s against no champion"}


@pytest.mark.parametrize("name", BAD)
def test_a_refusal_says_what_is_wrong_and_what_is_allowed(name: str) -> None:
    assert POLICY.judge(BAD[name]).reasons == (REFUSED[name],)


def test_all_slices_that_are_wrong_or_worse_are_named() -> None:
    wrong = days(a_day(airport=tally(n=120, coverage=0.5), rush=tally(n=120, coverage=0.5)))
    each = "80 % intervals hold 50.0% of the trips"
    assert said(replace(GOOD, days=wrong))["slice-coverage"] == (
        f"airport: {each}; rush: {each}; 65.0% to 93.0% are allowed"
    )
    mine, its = a_day(rush=tally(n=120)), a_day(airport=tally(n=120, mae_s=100), rush=tally(n=120, mae_s=160))
    found = said(replace(GOOD, days=days(mine), champion=rival(its)))["slice-champion"]
    more, most = "MAE +100.0% (+100.0% to +100.0%)", "MAE +25.0% (+25.0% to +25.0%)"
    assert found == f"airport: {more} {AGAINST}; rush: {most} {AGAINST}"
    both = said(replace(GOOD, days=days(a_day(rush=tally(n=120)))))
    assert both["slice-bias"] == "slice-bias: airport -5.0%, rush -5.0%"
    few = replace(GOOD, days=days(a_day(airport=tally(n=10))))
    assert said(few)["slice-coverage"] == "slice-coverage: no slice has enough trips"


def test_a_champion_that_was_trained_again_is_called_its_recipe() -> None:
    refit = replace(rival(a_day()), is_refit=True)
    found = said(replace(GOOD, champion=refit))
    assert found["champion"] == "MAE +0.0% (+0.0% to +0.0%) against the champion's recipe on the same cut"
    assert found["slice-champion"] == "no slice is worse than that of the champion's recipe on the same cut"


def test_a_champion_without_any_error_cannot_be_compared_with() -> None:
    perfect = replace(GOOD, champion=rival(a_day(tally(mae_s=0))))
    assert refused(perfect) == ["champion"]
    assert said(perfect)["champion"] == "the champion has no error to compare with"


def test_without_a_held_out_trip_nothing_is_known_and_so_it_is_refused() -> None:
    nothing = replace(GOOD, days=[], champion=None)
    assert POLICY.judge(nothing).failed == ["held-out-trips", "coverage", "baselines"]
    found = said(nothing)
    assert found["coverage"] == "all trips: 80 % intervals hold 0.0% of the trips; 72.0% to 88.0% are allowed"
    assert found["champion"] == "MAE 0.0 s against no champion"
    assert found["bias"] == "bias: all trips +0.0%"
    assert found["baselines"] == "no baseline was measured on the held-out trips"


# --- bounds ---


def test_a_bound_itself_is_allowed() -> None:
    policy = PromotionPolicy(
        min_training_trips=2_000,
        min_held_out_trips=1_536,
        coverage_80=(0.75, 0.75),
        slice_coverage_80=(0.75, 0.75),
        bias=(-0.125, -0.125),
        slice_bias=(-0.125, -0.125),
        too_good_lift=0.5,
        max_latency_ms=1.0,
        max_size_bytes=2**20,
    )
    edge = tally(n=256, mae_s=200.0, coverage=0.75, bias=-0.125)
    day = a_day(edge, baseline_s=400.0, airport=edge)
    evidence = replace(
        GOOD,
        days=days(day),
        champion=rival(day, later_days=30),
        newest_trip_at=SPLIT.until + timedelta(days=540),
    )
    assert policy.judge(evidence).failed == []
    assert policy.judge(
        replace(evidence, days=days(replace(day, baselines_s={"mean": 256 * 200.0})))
    ).failed == ["baselines"]


def test_a_candidate_may_be_just_as_much_worse_than_the_champion_as_is_allowed() -> None:
    policy = PromotionPolicy(max_worse_share=0.25, max_measured_worse_share=0.25, max_slice_worse_share=0.25)
    mine, its = tally(mae_s=200.0), tally(mae_s=160.0)
    evidence = replace(GOOD, days=days(a_day(mine, airport=mine)), champion=rival(a_day(its, airport=its)))
    assert refused(evidence, policy) == []
    for stricter in ({"max_worse_share": 0.24}, {"max_measured_worse_share": 0.24}):
        assert refused(evidence, replace(policy, **stricter)) == ["champion"]
    assert refused(evidence, replace(policy, max_slice_worse_share=0.24)) == ["slice-champion"]


def test_a_slice_that_was_worse_on_one_day_and_the_same_on_all_others_is_forgiven() -> None:
    rivals = [a_day()] * 5 + [a_day(airport=tally(n=120, mae_s=50.0))]
    champion = Champion(days=rivals, learned_until=SPLIT.held_out_from)
    assert POLICY.judge(replace(GOOD, champion=champion)).passed


def test_the_best_of_the_baselines_is_the_one_to_beat() -> None:
    day = replace(a_day(), baselines_s={"mean": 300 * 300.0, "lookup": 300 * 210.0, "forest": 300 * 220.0})
    assert said(replace(GOOD, days=days(day)))["baselines"] == (
        "MAE 200.0 s against 210.0 s of the baseline lookup"
    )


def test_a_slice_is_judged_from_as_many_trips_and_days_on_as_are_needed() -> None:
    bad = tally(n=125, bias=0.5)
    assert POLICY.judge(replace(GOOD, days=days(a_day(airport=bad), 4), champion=None)).failed == [
        "slice-bias"
    ]
    fewer = [*days(a_day(airport=bad), 3), a_day(airport=tally(n=124, bias=0.5))]
    assert POLICY.judge(replace(GOOD, days=fewer, champion=None)).passed
    # Where there are two days in all, two are enough.
    two = days(a_day(airport=tally(n=250, bias=0.5)), 2)
    assert POLICY.judge(replace(GOOD, days=two, champion=None)).failed == ["slice-bias"]


def test_a_slice_that_may_be_worse_by_chance_is_forgiven() -> None:
    def against(*mae_s: float) -> Evidence:
        rivals = [a_day(airport=tally(n=120, mae_s=each)) for each in mae_s]
        return replace(GOOD, champion=Champion(days=rivals, learned_until=SPLIT.held_out_from))

    assert POLICY.judge(
        against(100.0, 150.0, 300.0, 190.0, 180.0, 190.0)
    ).passed  # 8 % worse, 95 % sure of no sign
    assert POLICY.judge(against(188.0, 189.0, 190.0, 188.0, 187.0, 188.0)).failed == ["slice-champion"]
    assert POLICY.judge(against(192.0, 193.0, 194.0, 192.0, 191.0, 192.0)).passed  # surely, but by 4 % only


def test_a_slice_that_the_champion_never_had_is_not_held_against_anybody() -> None:
    mine, its = a_day(night=tally(n=120)), a_day()
    assert POLICY.judge(replace(GOOD, days=days(mine), champion=rival(its))).passed


def test_days_without_a_slice_say_nothing_of_it() -> None:
    with_airport, without = a_day(airport=tally(n=170)), replace(a_day(), slices={})
    mine, its = [with_airport] * 3 + [without] * 3, [a_day(airport=tally(n=170, mae_s=180))] * 6
    champion = Champion(days=its, learned_until=SPLIT.held_out_from)
    assert said(replace(GOOD, days=mine, champion=champion))["slice-champion"] == (
        f"airport: MAE +11.1% (+11.1% to +11.1%) {AGAINST}"
    )


def test_how_much_older_it_is_than_the_champion_and_than_the_newest_trip_is_said() -> None:
    found = said(
        replace(GOOD, champion=rival(a_day(), later_days=5), newest_trip_at=SPLIT.until + timedelta(days=3))
    )
    assert found["not-older"] == "the champion learned until 5 days later, 30 are allowed"
    assert found["data-age"] == "the newest trip is 3 days after its data, 540 are allowed"
    a_day_older = said(replace(GOOD, champion=rival(a_day(), later_days=1)))
    assert a_day_older["not-older"] == "the champion learned until 1 days later, 30 are allowed"
    early = said(replace(GOOD, newest_trip_at=SPLIT.until - timedelta(days=3)))
    assert early["data-age"] == "the newest trip is 0 days after its data, 540 are allowed"


@pytest.mark.parametrize(
    "other",
    [
        {"name": "elsewhere"},
        {"time_zone": "Asia/Kolkata"},
        {"bounds": replace(A_CITY.bounds, north_deg=A_CITY.bounds.north_deg + 0.1)},
    ],
    ids=lambda other: next(iter(other)),
)
def test_a_city_of_another_name_clock_or_bounds_is_another_city(other: Mapping[str, object]) -> None:
    check = same_city(MANIFEST, replace(A_CITY, **other))
    assert (check.name, check.passed) == ("city", False)
    assert same_city(MANIFEST, replace(A_CITY, fallback_speed_km_h=11.0)).passed
