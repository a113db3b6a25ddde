"""A band is left when a measure surely lies outside, and not by chance."""

import math
from dataclasses import replace
from functools import reduce
from operator import add

import numpy as np
import pytest

from taxi_predictor.adapters.columns.arrays import ARRAYS, as_column
from taxi_predictor.domain.bands import FEWEST_TRIPS, bands, standing
from taxi_predictor.domain.errors import Invalid
from taxi_predictor.domain.evaluation import Answers, Tally
from taxi_predictor.domain.reference import Band, Measure


def a_day(
    random: np.random.Generator, trips: int, *, factor: float = 1.0, scatter: float = 0.4, day: float = 0.0
) -> Tally:
    """Trips of ten minutes as the model knows them, if *factor* is 1."""
    factor = factor * math.exp(random.normal(0, day)) if day else factor
    actual_s = 600 * factor * np.exp(random.normal(0, scatter, trips))
    same = as_column(np.full(trips, 600.0))
    width = math.exp(0.4 * 1.2816)
    answers = Answers(m=ARRAYS, lower_s=same / width, median_s=same, upper_s=same * width)
    return answers.tally(as_column(actual_s))


def total(days: list[Tally]) -> Tally:
    return reduce(add, days)


@pytest.fixture
def random() -> np.random.Generator:
    return np.random.default_rng(7)


def test_the_widths_are_those_that_are_stated(random: np.random.Generator) -> None:
    days = [a_day(random, 400) for _ in range(30)]
    found, scores = bands(days), total(days).scores()
    assert scores is not None
    mae, bias, coverage = (found[measure] for measure in Measure)
    actual_s = total(days).actual_s / scores.n
    assert (mae.lower, mae.upper) == pytest.approx((0, 1.3 * scores.mae_s))
    assert (bias.lower, bias.upper) == pytest.approx(
        (scores.bias_s - 0.15 * actual_s, scores.bias_s + 0.15 * actual_s)
    )
    assert (coverage.lower, coverage.upper) == pytest.approx(
        (scores.coverage_80 - 0.08, scores.coverage_80 + 0.08)
    )


@pytest.mark.parametrize(("day", "low", "high"), [(0.0, 0.0, 6.0), (0.1, 45.0, 85.0)])
def test_days_scatter_by_what_their_trips_do_not_explain(
    random: np.random.Generator, day: float, low: float, high: float
) -> None:
    found = bands([a_day(random, 400, day=day) for _ in range(60)])
    assert low <= found[Measure.BIAS].day_deviation <= high


@pytest.mark.parametrize("trips", [250, 1_000, 3_000])
def test_calm_weeks_stay_inside(random: np.random.Generator, trips: int) -> None:
    """Also where their days scatter, and where they are four percent slower for good."""
    found = bands([a_day(random, 400, day=0.05) for _ in range(30)])
    for _ in range(300):
        week = total([a_day(random, trips // 7, factor=1.04, day=0.05) for _ in range(7)])
        assert not [m for m, band in found.items() if standing(m, band, week, days=7).is_out]


@pytest.mark.parametrize("factor", [0.6, 1.7])
@pytest.mark.parametrize("trips", [250, 3_000])
def test_a_city_that_changed_leaves_them(random: np.random.Generator, factor: float, trips: int) -> None:
    found = bands([a_day(random, 400, day=0.05) for _ in range(30)])
    week = total([a_day(random, trips // 7, factor=factor) for _ in range(7)])
    out = {m for m, band in found.items() if standing(m, band, week, days=7).is_out}
    assert Measure.BIAS in out
    assert Measure.COVERAGE in out


def test_too_few_trips_say_nothing(random: np.random.Generator) -> None:
    found = bands([a_day(random, 400) for _ in range(30)])
    week = a_day(random, FEWEST_TRIPS - 1, factor=2.5)
    standings = [standing(measure, band, week, days=7) for measure, band in found.items()]
    assert not any(one.is_out or one.is_enough for one in standings)
    assert all(one.is_out for one in (replace(one, trips=FEWEST_TRIPS) for one in standings))


def test_an_error_cannot_be_too_small(random: np.random.Generator) -> None:
    found = bands([a_day(random, 400) for _ in range(30)])
    week = a_day(random, 3_000, scatter=0.01)
    assert not standing(Measure.MAE, found[Measure.MAE], week, days=7).is_out
    assert standing(Measure.COVERAGE, found[Measure.COVERAGE], week, days=7).is_out  # intervals are too wide


def test_noise_is_allowed_for_on_both_sides() -> None:
    band = Band(lower=-100, upper=100, day_deviation=0)
    assert band.is_left_by(131, 10)
    assert not band.is_left_by(129, 10)
    assert band.is_left_by(-131, 10)
    assert not band.is_left_by(-129, 10)
    assert not band.is_left_by(130, 10)
    assert not band.is_left_by(-130, 10)


def test_of_one_day_it_is_not_known_how_days_scatter(random: np.random.Generator) -> None:
    assert {band.day_deviation for band in bands([a_day(random, 400)]).values()} == {0}


def test_how_days_scatter_is_known_of_two_days_of_two_trips_without_what_their_trips_explain() -> None:
    even = Tally(n=2, error_s=20, abs_error_s=20, squared_error_s2=200, actual_s=1200, covered=2)
    # Its trips lie 8 s^2 apart, which explains 4 of the variance of their mean.
    uneven = Tally(n=2, error_s=60, abs_error_s=60, squared_error_s2=2 * 908, actual_s=1200, covered=2)
    alone = Tally(n=1, error_s=500, abs_error_s=500, squared_error_s2=500**2, actual_s=600, covered=1)
    found = bands([even, uneven, alone])
    # The means are 10 and 30 s: a variance of 200, less the mean of 0 and 4.
    assert found[Measure.BIAS].day_deviation == pytest.approx(math.sqrt(198))
    assert (found[Measure.COVERAGE].lower, found[Measure.COVERAGE].upper) == pytest.approx((0.92, 1.0))
    assert found[Measure.COVERAGE].day_deviation == 0


@pytest.mark.parametrize(
    ("measure", "value", "variance"),
    [(Measure.MAE, 40, 900), (Measure.BIAS, 30, 1600), (Measure.COVERAGE, 0.8, 0.16)],
)
def test_a_measure_is_as_sure_as_its_trips_and_its_days_make_it(
    measure: Measure, value: float, variance: float
) -> None:
    band = Band(lower=-100, upper=100, day_deviation=6)
    live = Tally(
        n=400, error_s=400 * 30, abs_error_s=400 * 40, squared_error_s2=400 * 2500, covered=400 * 0.8
    )
    found = standing(measure, band, live, days=4)
    assert (found.measure, found.trips, found.band) == (measure, 400, band)
    assert found.value == pytest.approx(value)
    assert found.error == pytest.approx(math.sqrt(variance / 400 + 36 / 4))
    # Less than a day is one.
    assert standing(measure, band, live, days=0.5).error == pytest.approx(math.sqrt(variance / 400 + 36))


def test_trips_that_are_all_alike_leave_nothing_to_chance() -> None:
    band = Band(lower=-100, upper=100, day_deviation=0)
    alike = Tally(n=9, error_s=9 * 7, abs_error_s=9 * 7, squared_error_s2=9 * 49, covered=9)
    assert [standing(measure, band, alike, days=7).error for measure in Measure] == [0, 0, 0]


def test_a_band_goes_up() -> None:
    with pytest.raises(Invalid, match=r"^a band goes from a lower to an upper value, not 1 to 1$"):
        Band(lower=1, upper=1, day_deviation=0)
