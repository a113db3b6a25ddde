"""The interval of a difference is one of days, the same each time, and quick."""

import time
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taxi_predictor.domain.bootstrap import SEED, relative_difference

sums = st.floats(1, 1e6)
histories = st.lists(st.tuples(sums, sums), min_size=1, max_size=30)


@given(days=histories)
@settings(max_examples=40, deadline=None)
def test_the_interval_lies_among_the_days_and_is_the_same_each_time(days: list[tuple[float, float]]) -> None:
    found = relative_difference(days, resamples=200)
    assert found is not None
    ratios = [first / second - 1 for first, second in days]
    assert min(ratios) - 1e-9 <= found.low <= found.high <= max(ratios) + 1e-9
    assert relative_difference(days, resamples=200) == found


@given(days=histories, share=st.floats(-0.5, 0.5))
@settings(max_examples=40, deadline=None)
def test_equal_ratios_leave_nothing_to_chance(days: list[tuple[float, float]], share: float) -> None:
    found = relative_difference([(second * (1 + share), second) for _, second in days], resamples=200)
    assert found is not None
    assert max(abs(end - share) for end in (found.low, found.share, found.high)) < 1e-9


def test_one_bad_day_of_many_is_noise_and_all_bad_days_are_not() -> None:
    one = relative_difference([(130.0, 100.0)] + [(99.0, 100.0)] * 13)
    every = relative_difference([(103.0 + day % 3, 100.0) for day in range(14)])
    assert one is not None
    assert every is not None
    assert one.low < 0 < one.share
    assert every.low > 0.02


def test_days_differ_more_than_their_trips_would() -> None:
    calm = relative_difference([(100.0, 100.0)] * 20)
    rough = relative_difference([(100.0 + (-1) ** day * 20, 100.0) for day in range(20)])
    assert calm is not None
    assert rough is not None
    assert calm.high - calm.low == 0
    # The mean of 20 days that are off by 0.2 has a standard error of 0.2 / sqrt(20).
    assert 0.12 < rough.high - rough.low < 0.24


def test_the_interval_is_the_middle_of_what_resampled_days_say() -> None:
    days = [(float(number), 1.0) for number in range(40)]
    found = relative_difference(days, resamples=1000, confidence=0.9)
    random = Random(SEED)
    shares = sorted(sum(first for first, _ in random.choices(days, k=40)) / 40 - 1 for _ in range(1000))
    assert found is not None
    assert (found.low, found.high) == pytest.approx((shares[50], shares[949]), abs=1e-12)
    whole = relative_difference(days, resamples=1000, confidence=1.0)
    assert whole is not None
    assert (whole.low, whole.high) == pytest.approx((shares[0], shares[-1]), abs=1e-12)


def test_a_resample_of_days_without_trips_says_nothing() -> None:
    assert relative_difference([(1.0, 0.0), (1.0, 1.0)], resamples=100) is not None


def test_nothing_to_compare_with_has_no_difference() -> None:
    assert relative_difference([]) is None
    assert relative_difference([(1.0, 0.0)]) is None


def test_four_months_of_days_take_less_than_a_second() -> None:
    began = time.process_time()
    relative_difference([(float(day + 1), 60.0) for day in range(120)])
    assert time.process_time() - began < 1
