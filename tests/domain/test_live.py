"""Sums of hours are those of days, and a day counts for as much as it has trips."""

from datetime import date

import pytest

from taxi_predictor.domain.bands import standing
from taxi_predictor.domain.drift import BinnedValues
from taxi_predictor.domain.evaluation import Tally
from taxi_predictor.domain.live import LiveSums
from taxi_predictor.domain.reference import Band, Measure


def of_days(*trips: float) -> LiveSums:
    return LiveSums(days={date(2024, 3, number): n for number, n in enumerate(trips, 1) if n})


@pytest.mark.parametrize(
    ("trips", "days"),
    [((40,) * 7, 7), ((20, *(40,) * 6, 20), 7.54), ((3, 3, 3, 3000, 3, 3, 3), 1.01), ((5,), 1), ((), 0)],
    ids=str,
)
def test_days_count_by_their_trips(trips: tuple[float, ...], days: float) -> None:
    assert of_days(*trips).whole_days == pytest.approx(days, abs=0.01)


def test_parts_of_a_day_are_that_day() -> None:
    total = LiveSums()
    for _ in range(3):
        total.add(of_days(10, 20))
    assert total.days == {date(2024, 3, 1): 30, date(2024, 3, 2): 60}


def test_a_storm_on_the_only_busy_day_is_no_alarm_and_the_same_for_a_week_is() -> None:
    """Trips take 200 s longer than was said, in a city whose days scatter by 45 s."""
    band = Band(lower=-100, upper=100, day_deviation=45)
    late = Tally(n=3_000, error_s=3_000 * -200, squared_error_s2=3_000 * 300**2)
    for days, is_out in ((of_days(3, 3, 3, 2982, 3, 3, 3), False), (of_days(*(428,) * 7), True)):
        assert standing(Measure.BIAS, band, late, days=days.whole_days).is_out is is_out


def test_all_that_is_summed_up_adds_up_slice_by_slice_and_day_by_day() -> None:
    values = BinnedValues(counts=[1.0, 2.0], below=0.5, above=0.25)
    day = date(2024, 3, 1)
    hour = LiveSums(
        ended={"all": Tally(n=2, error_s=10)},
        answered={"all": 3, "night": 1},
        expected_error_s={"all": 120.0},
        expected={"all": 2},
        values={"distance_km": values},
        days={day: 2},
    )
    total = LiveSums()
    total.add(hour)
    total.add(hour)
    assert total.ended == {"all": Tally(n=4, error_s=20)}
    assert total.answered == {"all": 6, "night": 2}
    assert total.expected_error_s == {"all": 240.0}
    assert total.expected == {"all": 4}
    assert total.values == {"distance_km": values + values}
    assert total.days == {day: 4}
