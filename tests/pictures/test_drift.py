"""A drill is drawn with one or two runs, whether anything was out of its band or not."""

import sys
from datetime import date
from pathlib import Path

import pytest

from taxi_predictor.domain.reference import Band, Measure

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
sys.path.append(str(BENCHMARKS))
from drift_picture import MonthOfDrift, draw_drift  # noqa: E402 # it stands there to be run, and is no package

sys.path.remove(str(BENCHMARKS))  # other names there are those of folders here

BANDS = {
    Measure.MAE: Band(lower=0, upper=260, day_deviation=0),
    Measure.BIAS: Band(lower=-170, upper=90, day_deviation=0),
    Measure.COVERAGE: Band(lower=0.72, upper=0.88, day_deviation=0),
}


def a_month(number: int, *, mae_s: float, alarms: int = 0) -> MonthOfDrift:
    return MonthOfDrift(
        month=date(2020, number, 1),
        trips=9_000,
        mae_s=mae_s,
        bias_s=-20,
        coverage=0.8,
        expected_mae_s=190,
        looks=30,
        alarms=dict.fromkeys(Measure, alarms),
    )


@pytest.mark.parametrize("runs", [1, 2])
def test_a_drill_is_drawn(runs: int) -> None:
    months = [a_month(3, mae_s=200), a_month(4, mae_s=330, alarms=30)]
    picture = draw_drift({f"run {number}": months for number in range(runs)}, BANDS)
    assert picture.startswith(b"\x89PNG")
    calm = draw_drift({f"run {number}": months[:1] for number in range(runs)}, BANDS)
    assert calm != picture
