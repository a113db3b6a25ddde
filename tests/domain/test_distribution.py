"""A duration is a distribution whose parts agree with each other."""

import math
from itertools import pairwise
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taxi_predictor.adapters.columns.arrays import ARRAYS
from taxi_predictor.domain.arithmetic import SCALAR, Column
from taxi_predictor.domain.distribution import DurationDistribution, ScaledResiduals
from taxi_predictor.domain.errors import BrokenModel, Invalid

few = settings(max_examples=60, deadline=None)

PROBABILITIES = st.floats(0.001, 0.999)
MUS, SIGMAS = st.floats(4, 9), st.floats(0.05, 2)
NORMAL = ScaledResiduals.of([Random(n).gauss(0, 1) for n in range(2000)])


@st.composite
def residual_tables(draw: st.DrawFn) -> ScaledResiduals:
    """Steps of rising residuals, a few or many, far apart or close."""
    gaps = draw(st.lists(st.floats(0.001, 1), min_size=1, max_size=40))
    values = [draw(st.floats(-3, 0))]
    for gap in gaps:
        values.append(values[-1] + gap)
    n = len(values)
    return ScaledResiduals(tuple(step / (n + 1) for step in range(1, n + 1)), tuple(values))


def distributions() -> st.SearchStrategy[DurationDistribution[float]]:
    return st.builds(
        DurationDistribution,
        st.just(SCALAR),
        MUS,
        SIGMAS,
        residual_tables(),
    )


@pytest.mark.parametrize(
    ("probabilities", "values"),
    [
        ((), ()),
        ((0.5,), (0.0,)),
        ((0.1, 0.9), (0.0,)),
        ((0.9, 0.1), (0.0, 1.0)),
        ((0.1, 0.9), (1.0, 0.0)),
        ((0.1, 0.1), (0.0, 1.0)),
        ((0.1, math.nan), (0.0, 1.0)),
        ((0.1, 0.9), (math.nan, 1.0)),
    ],
)
def test_a_table_that_does_not_rise_is_refused(
    probabilities: tuple[float, ...], values: tuple[float, ...]
) -> None:
    with pytest.raises(
        BrokenModel,
        match=r"^scaled residuals must be finite and not fall while probabilities rise in 0\.\.1$",
    ):
        ScaledResiduals(probabilities, values)


@pytest.mark.parametrize(
    ("probabilities", "values"),
    [
        ((0.0, 0.9), (0.0, 1.0)),
        ((-0.1, 0.9), (0.0, 1.0)),
        ((0.1, 1.0), (0.0, 1.0)),
        ((0.1, 0.5, 1.0), (0.0, 1.0, 2.0)),
        ((0.1, 1.1), (0.0, 1.0)),
        ((0.1, 0.9), (0.0, math.inf)),
    ],
)
def test_a_table_of_what_is_no_probability_or_no_number_is_refused(
    probabilities: tuple[float, ...], values: tuple[float, ...]
) -> None:
    with pytest.raises(BrokenModel):
        ScaledResiduals(probabilities, values)


@pytest.mark.parametrize("n", [0, 1, 19])
def test_a_handful_of_residuals_is_no_distribution(n: int) -> None:
    with pytest.raises(Invalid, match="at least 20 residuals"):
        ScaledResiduals.of([float(residual) for residual in range(n)])


@given(
    residuals=st.lists(st.floats(-5, 5, allow_subnormal=False), min_size=20, max_size=400, unique=True),
    steps=st.integers(2, 300),
)
@few
def test_counted_residuals_rise_and_stay_among_those_seen(residuals: list[float], steps: int) -> None:
    counted = ScaledResiduals.of(residuals, steps=max(steps, 3))
    assert all(a < b for a, b in pairwise(counted.values))
    assert min(residuals) <= counted.values[0]
    assert counted.values[-1] <= max(residuals)
    assert len(counted.values) <= min(max(steps, 3), len(residuals) + 1) - 1


def test_the_k_th_of_n_residuals_stands_at_k_in_n_plus_one() -> None:
    counted = ScaledResiduals.of([float(k) for k in range(1, 100)])
    assert counted.probabilities == pytest.approx([k / 100 for k in range(1, 100)])
    assert counted.values == pytest.approx([float(k) for k in range(1, 100)])


def test_many_residuals_are_counted_into_two_hundred_steps() -> None:
    counted = ScaledResiduals.of([float(k) for k in range(1, 1000)])
    assert counted.probabilities == pytest.approx([step / 200 for step in range(1, 200)])
    assert counted.values == pytest.approx([5.0 * step for step in range(1, 200)])
    between = ScaledResiduals.of([float(k) for k in range(1, 31)], steps=20)
    assert between.values == pytest.approx([1.55 * step for step in range(1, 20)])


def test_the_order_in_which_residuals_are_counted_does_not_matter() -> None:
    residuals = [Random(3).gauss(0, 1) + k / 1000 for k in range(500)]
    assert ScaledResiduals.of(residuals) == ScaledResiduals.of(residuals[::-1])


def test_beyond_the_outermost_steps_the_distribution_ends() -> None:
    table = ScaledResiduals((0.1, 0.9), (-1.0, 1.0))
    found = [table.at(probability) for probability in (0.01, 0.1, 0.5, 0.9, 0.99)]
    assert found == pytest.approx([-1.0, -1.0, 0.0, 1.0, 1.0])


@given(seed=st.integers(0, 10_000), coverage=st.sampled_from([0.5, 0.8, 0.9]))
@settings(max_examples=40, deadline=None)
def test_intervals_cover_about_their_share_of_fresh_trips(seed: int, coverage: float) -> None:
    random = Random(seed)
    mu, sigma = random.uniform(5, 8), random.uniform(0.1, 0.8)

    def duration_s() -> float:
        # Skewed, as trips are, and of another shape than the model's own.
        return math.exp(mu + sigma * (random.expovariate(1) - 1))

    residuals = ScaledResiduals.of([(math.log(duration_s()) - mu) / sigma for _ in range(2000)])
    low_s, high_s = DurationDistribution(SCALAR, mu, sigma, residuals).interval_s(coverage)
    covered = sum(low_s <= duration_s() <= high_s for _ in range(3000)) / 3000
    # Five standard deviations of what two such samples scatter.
    assert covered == pytest.approx(coverage, abs=0.075)


@pytest.mark.parametrize("n", [20, 39, 99, 500])
def test_intervals_cover_their_share_on_average_however_few_residuals_there_are(n: int) -> None:
    random, covered, rounds = Random(n), 0.0, 400
    for _ in range(rounds):
        residuals = ScaledResiduals.of([random.gauss(0, 1) for _ in range(n)])
        low, high = residuals.at(0.1), residuals.at(0.9)
        covered += sum(low <= random.gauss(0, 1) <= high for _ in range(25)) / 25
    assert covered / rounds == pytest.approx(0.8, abs=0.025)


def test_residuals_that_repeat_are_covered_by_their_share_too() -> None:
    # Five trips of a hundred are quicker than the 45 that are alike to the digit, the rest slower.
    residuals = [-2 + k / 100 for k in range(5)] + [0.0] * 45 + [1 + k / 100 for k in range(50)]
    counted = ScaledResiduals.of(residuals)
    low, high = counted.at(0.1), counted.at(0.9)
    assert sum(low <= residual <= high for residual in residuals) >= 80


@given(distribution=distributions(), a=PROBABILITIES, b=PROBABILITIES)
@few
def test_a_likelier_arrival_takes_no_less_time(
    distribution: DurationDistribution[float], a: float, b: float
) -> None:
    low, high = sorted((a, b))
    assert 0 < distribution.quantile_s(low) <= distribution.quantile_s(high) < math.inf


@given(distribution=distributions(), a=st.floats(1, 1e5), b=st.floats(1, 1e5))
@few
def test_more_time_is_never_less_likely_to_suffice(
    distribution: DurationDistribution[float], a: float, b: float
) -> None:
    low_s, high_s = sorted((a, b))
    assert 0 <= distribution.probability_within(low_s) <= distribution.probability_within(high_s) <= 1


@given(distribution=distributions(), share=st.floats(0, 1))
@few
def test_probability_and_quantile_undo_each_other(
    distribution: DurationDistribution[float], share: float
) -> None:
    first, last = distribution.residuals.probabilities[0], distribution.residuals.probabilities[-1]
    probability = first + share * (last - first)
    duration_s = distribution.quantile_s(probability)
    assert distribution.probability_within(duration_s) == pytest.approx(probability, abs=1e-9)


@given(distribution=distributions(), a=PROBABILITIES, b=PROBABILITIES)
@few
def test_a_surer_interval_holds_a_less_sure_one_and_both_the_median(
    distribution: DurationDistribution[float], a: float, b: float
) -> None:
    inner, outer = sorted((a, b))
    (low_s, high_s), (lower_s, higher_s) = distribution.interval_s(inner), distribution.interval_s(outer)
    assert lower_s <= low_s <= distribution.median_s() <= high_s <= higher_s


@given(distribution=distributions())
@few
def test_the_mean_lies_among_the_durations(distribution: DurationDistribution[float]) -> None:
    shortest, longest = distribution.quantile_s(0.0001), distribution.quantile_s(0.9999)
    assert shortest * (1 - 1e-9) <= distribution.mean_s() <= longest * (1 + 1e-9)


def test_the_mean_of_a_lognormal_is_the_known_one() -> None:
    distribution = DurationDistribution(SCALAR, 6.5, 0.4, NORMAL)
    assert distribution.mean_s() == pytest.approx(math.exp(6.5 + 0.4**2 / 2), rel=0.02)
    assert distribution.median_s() == pytest.approx(math.exp(6.5), rel=0.03)
    assert distribution.mean_s() > distribution.median_s()


def test_each_step_of_probability_counts_alike_in_the_mean_and_in_the_expected_error() -> None:
    steps = ScaledResiduals((0.1, 0.5, 0.9), (-1.0, 0.0, 2.0))
    distribution = DurationDistribution(SCALAR, math.log(600), 0.5, steps)
    short_s, long_s = 600 * math.exp(-0.5), 600 * math.exp(1.0)
    assert distribution.mean_s() == pytest.approx((short_s + 600 + long_s) / 3)
    assert distribution.expected_error_s() == pytest.approx((600 - short_s + long_s - 600) / 3)


@pytest.mark.parametrize("outside", [0.0, 1.0, -0.1, 1.1, math.nan])
def test_certainty_is_refused(outside: float) -> None:
    distribution = DurationDistribution(SCALAR, 6.5, 0.4, NORMAL)
    with pytest.raises(Invalid, match="a probability"):
        distribution.quantile_s(outside)
    with pytest.raises(Invalid, match="a coverage"):
        distribution.interval_s(outside)


@given(
    table=residual_tables(),
    trips=st.lists(st.tuples(MUS, SIGMAS, st.floats(60, 10_800)), min_size=1, max_size=10),
    probability=PROBABILITIES,
)
@few
def test_many_trips_have_the_distributions_of_each(
    table: ScaledResiduals, trips: list[tuple[float, float, float]], probability: float
) -> None:
    mus, sigmas, times_s = (ARRAYS.column(column) for column in zip(*trips, strict=True))
    many: DurationDistribution[Column] = DurationDistribution(ARRAYS, mus, sigmas, table)
    each = [DurationDistribution(SCALAR, mu, sigma, table) for mu, sigma, _ in trips]

    def agree(column: Column, numbers: list[float]) -> None:
        assert column.tolist() == pytest.approx(numbers, rel=1e-9)

    agree(many.quantile_s(probability), [one.quantile_s(probability) for one in each])
    agree(many.median_s(), [one.median_s() for one in each])
    agree(many.mean_s(), [one.mean_s() for one in each])
    agree(many.expected_error_s(), [one.expected_error_s() for one in each])
    agree(many.interval_s(probability)[0], [one.interval_s(probability)[0] for one in each])
    agree(many.interval_s(probability)[1], [one.interval_s(probability)[1] for one in each])
    agree(
        many.probability_within(times_s),
        [one.probability_within(t) for one, (_, _, t) in zip(each, trips, strict=True)],
    )


def test_steps_agree_with_numpy_s_own_quantiles() -> None:
    residuals = [Random(5).gauss(0, 1) + k % 7 + k / 1e6 for k in range(997)]
    counted = ScaledResiduals.of(residuals)
    # Weibull's rule is k / (n + 1).
    expected = np.quantile(residuals, counted.probabilities, method="weibull")
    assert counted.values == pytest.approx(list(expected))


@pytest.mark.parametrize(("mu", "sigma"), [(6.0, 0.1), (6.5, 0.4), (7.0, 0.6)])
def test_the_error_that_is_expected_is_the_one_that_comes(mu: float, sigma: float) -> None:
    residuals = [Random(n).gauss(0, 1) for n in range(20_000)]
    distribution = DurationDistribution(SCALAR, mu, sigma, ScaledResiduals.of(residuals))
    median_s = distribution.median_s()
    came_s = np.mean([abs(math.exp(mu + sigma * residual) - median_s) for residual in residuals])
    # What lies beyond the outermost steps, half a percent at either end, is left out.
    assert distribution.expected_error_s() == pytest.approx(came_s, rel=0.03)
    assert distribution.expected_error_s() < came_s


@few
@given(residuals=residual_tables())
def test_centred_residuals_rise_as_before(residuals: ScaledResiduals) -> None:
    centred = residuals.centred()
    assert centred.probabilities == residuals.probabilities
    assert all(low <= high for low, high in pairwise(centred.values))
    assert centred.values[0] == pytest.approx(
        residuals.values[0] - residuals.at(0.5) * 2 * residuals.probabilities[0]
    )


def test_centring_moves_each_residual_the_less_the_farther_out_it_is() -> None:
    table = ScaledResiduals((0.1, 0.25, 0.5, 0.75, 0.9), (-1.0, 0.0, 1.0, 2.0, 3.0))
    assert table.centred().values == pytest.approx((-1.2, -0.5, 0.0, 1.5, 2.8))
    steep = ScaledResiduals((0.4, 0.5, 0.6), (0.9, 1.0, 1.05))  # the middle would pass its neighbour
    assert steep.centred().values == pytest.approx((0.1, 0.1, 0.25))
