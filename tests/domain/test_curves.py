"""How often quantiles hold and how errors go through the day, counted by hand."""

import pytest

from taxi_predictor.adapters.columns.arrays import ARRAYS
from taxi_predictor.domain.curves import LEVELS, Curves
from taxi_predictor.domain.distribution import DurationDistribution, ScaledResiduals
from taxi_predictor.domain.model import BatchEstimate

RESIDUALS = ScaledResiduals((0.1, 0.5, 0.9), (-1.0, 0.0, 1.0))


def estimate(minutes: list[float]) -> BatchEstimate:
    """Every trip takes 600 s, a tenth of them less than 600 / e and a tenth more than 600 e."""
    zero = ARRAYS.column([0.0] * len(minutes))
    mu = ARRAYS.log(zero + 600)
    return BatchEstimate(
        ARRAYS,
        DurationDistribution(ARRAYS, mu, zero + 1, RESIDUALS),
        {"minute_of_day": ARRAYS.column(minutes)},
    )


def test_trips_are_counted_within_each_quantile_that_they_keep() -> None:
    curves = Curves()
    curves.add(ARRAYS.column([100.0, 590.0, 1700.0, 9000.0]), estimate([0.0] * 4))
    shares = dict(zip(LEVELS, curves.calibration(), strict=True))
    assert shares[0.1] == 0.25
    assert shares[0.5] == 0.5
    assert shares[0.9] == 0.5
    assert list(curves.calibration()) == sorted(curves.calibration())


def test_errors_are_kept_by_the_hour_of_departure() -> None:
    curves = Curves()
    curves.add(ARRAYS.column([500.0, 900.0]), estimate([59.9, 0.0]))
    curves.add(ARRAYS.column([601.0]), estimate([1439.0]))
    hours = curves.mae_by_hour_s()
    assert hours[0] == pytest.approx(200)
    assert hours[23] == pytest.approx(1)
    assert hours[12] is None


def test_without_trips_there_is_no_curve() -> None:
    assert Curves().calibration() == ()
    assert set(Curves().mae_by_hour_s()) == {None}


def test_a_trip_that_takes_as_long_as_its_quantile_is_within_it() -> None:
    curves, three = Curves(), estimate([0.0] * 3)
    curves.add(three.distribution.quantile_s(0.9), three)
    shares = dict(zip(LEVELS, curves.calibration(), strict=True))
    assert (shares[0.85], shares[0.9], shares[0.95]) == (0, 1, 1)


def test_batches_of_curves_add_up() -> None:
    curves = Curves()
    for actual_s in (100.0, 9000.0, 9000.0, 9000.0):
        curves.add(ARRAYS.column([actual_s]), estimate([8 * 60.0]))
    assert curves.trips == curves.hour_trips[8] == 4
    assert curves.calibration() == (0.25,) * len(LEVELS)
    assert curves.mae_by_hour_s()[8] == pytest.approx((500 + 3 * 8400) / 4)
