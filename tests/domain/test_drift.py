"""Drift is nothing where nothing moved, and as far as values were moved where they were."""

import math
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taxi_predictor.adapters.columns.arrays import ARRAYS
from taxi_predictor.domain.drift import BINS, BinnedValues, ReferenceBins, psi, wasserstein
from taxi_predictor.domain.errors import Invalid

some = settings(max_examples=100, deadline=None)
numbers = st.floats(-1e6, 1e6)


def counted(reference: ReferenceBins, values: list[float]) -> BinnedValues:
    return reference.count(ARRAYS, ARRAYS.column(values))


@some
@given(st.lists(numbers, min_size=1, max_size=200))
def test_what_a_model_learned_from_has_not_drifted_from_itself(values: list[float]) -> None:
    reference = ReferenceBins.of(values)
    live = counted(reference, values)
    assert live.n == len(values)
    assert [count / live.n for count in live.counts] == pytest.approx(reference.shares)
    assert psi(reference, live) == pytest.approx(0, abs=1e-9)
    assert wasserstein(reference, live) == pytest.approx(0, abs=1e-9)


@some
@given(
    st.lists(numbers, min_size=2, max_size=60),
    st.lists(numbers, min_size=1, max_size=60),
    st.integers(0, 60),
)
def test_batches_add_up(learned: list[float], seen: list[float], cut: int) -> None:
    reference = ReferenceBins.of(learned)
    whole, parts = counted(reference, seen), [seen[:cut], seen[cut:]]
    total = counted(reference, []) if not parts[0] else counted(reference, parts[0])
    total = total + counted(reference, parts[1]) if parts[1] else total
    assert total.counts == whole.counts
    assert (total.below, total.above) == pytest.approx((whole.below, whole.above))


@pytest.mark.parametrize("shift", [0.0, 0.5, 2.0, 30.0])
def test_the_distance_is_how_far_values_were_moved(shift: float) -> None:
    random = Random(1)
    learned = [random.gauss(10, 3) for _ in range(20_000)]
    reference = ReferenceBins.of(learned)
    moved = wasserstein(reference, counted(reference, [value + shift * 3 for value in learned]))
    assert moved == pytest.approx(shift, rel=0.08, abs=1e-9)


def test_the_distance_is_the_area_between_two_lines_that_may_cross() -> None:
    reference = ReferenceBins((0.0, 1.0, 2.0, 4.0), (0.25, 0.5, 0.25), 2.0)
    live = BinnedValues(counts=[50.0, 10.0, 40.0], below=3.0, above=4.0)
    # At the edges one lies above the other by 0, 0.25, -0.15 and 0: they cross at 0.625 of the middle bin.
    area = 0.25 / 2 + (0.625 * 0.25 + 0.375 * 0.15) / 2 + 2 * 0.15 / 2
    assert wasserstein(reference, live) == pytest.approx((area + 7 / 100) / 2)


def test_values_beyond_all_edges_are_counted_at_the_ends_and_by_how_far_they_are_beyond() -> None:
    reference = ReferenceBins((1.0, 2.0, 3.0), (0.5, 0.5), 1.0)
    live = counted(reference, [-3.0, 0.5, 1.0, 2.0, 3.0, 5.0])
    assert (list(live.counts), live.below, live.above) == ([3.0, 3.0], 4.5, 2.0)


def test_the_index_is_the_sum_of_its_bins() -> None:
    reference = ReferenceBins((0.0, 1.0, 2.0), (0.5, 0.5), 1.0)
    live = counted(reference, [0.5] * 800 + [1.5] * 200)
    p, q = 800.5 / 1001, 500.5 / 1001
    expected = (p - q) * math.log(p / q) + (q - p) * math.log((1 - p) / (1 - q))
    assert psi(reference, live) == pytest.approx(expected)


def test_by_chance_alone_the_index_stays_small() -> None:
    random = np.random.default_rng(1)
    reference = ReferenceBins.of(random.normal(size=10_000).tolist())
    found = [psi(reference, counted(reference, random.normal(size=1_000).tolist())) for _ in range(200)]
    assert np.mean(found) == pytest.approx((BINS - 1) * (1 / 1_000 + 1 / 10_000), rel=0.2)
    assert max(found) < 0.05


def test_a_number_that_never_changed_can_drift() -> None:
    reference = ReferenceBins.of([7.0] * 50)
    assert wasserstein(reference, counted(reference, [7.0] * 9)) == pytest.approx(0)
    assert wasserstein(reference, counted(reference, [9.0] * 9)) == pytest.approx(2)


def test_the_highest_of_few_values_is_not_the_one_before() -> None:
    """Trips of Saturdays that become trips of Sundays are others."""
    reference = ReferenceBins.of([float(day) for day in range(7)] * 100)
    moved = counted(reference, [0.0, 1.0, 2.0, 3.0, 4.0, 6.0, 6.0] * 100)
    assert psi(reference, moved) > 0.25
    assert wasserstein(reference, moved) > 0


def test_yes_that_becomes_no_is_seen() -> None:
    reference = ReferenceBins.of([0.0, 1.0] * 500)
    assert psi(reference, counted(reference, [1.0] * 500)) > 0.25


def test_what_is_no_number_counts_nowhere() -> None:
    reference = ReferenceBins.of([1.0, 2.0, 3.0])
    live = counted(reference, [math.nan, 2.0])
    assert live.n == 1
    assert psi(reference, counted(reference, [math.nan])) == 0
    assert wasserstein(reference, counted(reference, [math.nan])) == 0


@pytest.mark.parametrize(
    ("edges", "shares", "deviation"),
    [((0.0,), (), 1.0), ((0.0, 0.0), (1.0,), 1.0), ((0.0, math.inf), (1.0,), 1.0), ((0.0, 1.0), (1.0,), 0.0)],
)
def test_bins_that_are_none_are_refused(
    edges: tuple[float, ...], shares: tuple[float, ...], deviation: float
) -> None:
    with pytest.raises(Invalid, match=r"^reference bins lie between finite edges that rise$"):
        ReferenceBins(edges, shares, deviation)
