"""Who is there first: chances that add up, and that agree with races that were run."""

from itertools import pairwise
from math import prod
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taxi_predictor.adapters.columns.arrays import ARRAYS
from taxi_predictor.domain.arithmetic import SCALAR, Column
from taxi_predictor.domain.distribution import DurationDistribution, ScaledResiduals
from taxi_predictor.domain.race import probabilities_first

few = settings(max_examples=30, deadline=None)

NORMAL = ScaledResiduals.of([Random(n).gauss(0, 1) for n in range(2000)])
MUS, SIGMAS = st.floats(4, 9), st.floats(0.05, 1.5)
CARS = st.lists(st.tuples(MUS, SIGMAS), min_size=1, max_size=40)

Cars = list[tuple[float, float]]


def column_of(cars: Cars, residuals: ScaledResiduals = NORMAL) -> DurationDistribution[Column]:
    mu, sigma = zip(*cars, strict=True)
    return DurationDistribution(ARRAYS, ARRAYS.column(mu), ARRAYS.column(sigma), residuals)


def chances(cars: Cars, residuals: ScaledResiduals = NORMAL) -> list[float]:
    return probabilities_first(ARRAYS, column_of(cars, residuals)).tolist()


def chances_by_quantiles(cars: Cars, steps: int, residuals: ScaledResiduals = NORMAL) -> list[float]:
    """The mean over each car's own known quantiles of the chance that all others take longer."""
    durations = [DurationDistribution(SCALAR, mu, sigma, residuals) for mu, sigma in cars]
    low, high = residuals.probabilities[0], residuals.probabilities[-1]
    found = []
    for number, own in enumerate(durations):
        total = 0.0
        for step in range(steps):
            quantile_s = own.quantile_s(low + (high - low) * (step + 0.5) / steps)
            total += prod(
                (high - other.probability_within(quantile_s)) / (high - low)
                for other in durations[:number] + durations[number + 1 :]
            )
        found.append(total / steps)
    return found


@few
@given(CARS)
def test_the_chances_are_no_less_than_none_and_add_up_to_one(cars: Cars) -> None:
    found = chances(cars)
    assert len(found) == len(cars)
    assert min(found) >= 0
    assert sum(found) == pytest.approx(1, abs=1e-9)


@few
@given(MUS, SIGMAS, st.integers(1, 3000))
def test_equal_cars_have_equal_chances(mu: float, sigma: float, cars: int) -> None:
    assert chances([(mu, sigma)] * cars) == pytest.approx([1 / cars] * cars, rel=1e-6)


@few
@given(CARS, SIGMAS)
def test_who_cannot_be_overtaken_is_first(cars: Cars, sigma: float) -> None:
    soonest = min(DurationDistribution(SCALAR, mu, sigma, NORMAL).quantile_s(0.001) for mu, sigma in cars)
    mu = SCALAR.log(soonest) - sigma * NORMAL.values[-1] - 1e-6
    assert chances([*cars, (mu, sigma)])[-1] == pytest.approx(1, abs=1e-9)


@few
@given(st.lists(MUS, min_size=2, max_size=30), SIGMAS)
def test_of_cars_as_uncertain_as_each_other_the_nearer_has_the_better_chance(
    mus: list[float], sigma: float
) -> None:
    mus.sort()
    found = chances([(mu, sigma) for mu in mus])
    assert all(a >= b - 1e-12 for a, b in pairwise(found))


@few
@given(CARS, st.randoms(use_true_random=False))
def test_the_order_in_which_cars_are_named_does_not_matter(cars: Cars, random: Random) -> None:
    order = random.sample(range(len(cars)), len(cars))
    found = chances(cars)
    assert chances([cars[number] for number in order]) == pytest.approx(
        [found[number] for number in order], abs=1e-9
    )


@settings(max_examples=8, deadline=None)
@given(st.lists(st.tuples(st.floats(5.5, 7), st.floats(0.15, 0.6)), min_size=2, max_size=5))
def test_the_chances_are_those_of_the_mean_over_own_quantiles(cars: Cars) -> None:
    assert chances(cars) == pytest.approx(chances_by_quantiles(cars, 400), abs=0.005)


def test_where_little_is_known_the_chances_are_those_of_what_is() -> None:
    rough = ScaledResiduals((0.2, 0.3, 0.6, 0.9), (-1.0, -0.4, 0.0, 1.5))
    cars = [(6.0, 0.4), (6.1, 0.3), (6.3, 0.5)]
    assert chances(cars, rough) == pytest.approx(chances_by_quantiles(cars, 1000, rough), abs=0.003)


def test_the_chances_are_right_also_where_hundreds_compete_for_the_first_moments() -> None:
    even = ScaledResiduals((0.1, 0.5, 0.9), (-1.0, 0.0, 1.0))
    # Of two hundred cars each of two kinds, how often the first is of the nearer kind, moment by moment.
    first, nobody, steps = 0.0, 1.0, 20_000
    for step in range(1, steps):
        z = step / steps
        nearer, farther = 1 - z / 2, 1 - max(z - 0.02, 0.0) / 2
        after = (nearer * farther) ** 200
        first += (nobody - after) / (1 + (nearer / farther if z > 0.02 else 0.0))
        nobody = after
    cars = [(6.0, 0.5)] * 200 + [(6.0 + 0.5 * 0.02, 0.5)] * 200
    assert sum(chances(cars, even)[:200]) == pytest.approx(first, abs=0.002)


def test_cars_whose_durations_are_known_to_the_second_share_only_a_draw() -> None:
    certain = ScaledResiduals((0.1, 0.5, 0.9), (0.0, 0.0, 0.0))
    assert chances([(6.0, 1.0), (6.0, 1.0), (7.0, 1.0)], certain) == pytest.approx([0.5, 0.5, 0], abs=1e-9)
