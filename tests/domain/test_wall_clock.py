"""What instants clocks and calendars on the wall mean."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taxi_predictor.domain.errors import InvalidTrip, SkippedHour
from taxi_predictor.domain.wall_clock import day_of
from taxi_predictor.ports.testing.strategies import time_zones

NEW_YORK = ZoneInfo("America/New_York")


@pytest.mark.parametrize(
    ("day", "hours"), [(date(2024, 3, 10), 23), (date(2024, 3, 11), 24), (date(2024, 11, 3), 25)]
)
def test_a_day_has_the_hours_that_clocks_give_it(day: date, hours: int) -> None:
    begin, end = day_of(day, NEW_YORK)
    assert end - begin == timedelta(hours=hours)
    assert begin.astimezone(NEW_YORK).replace(tzinfo=None) == datetime(day.year, day.month, day.day)  # noqa: DTZ001 # what clocks show


def test_a_day_whose_midnight_is_skipped_begins_an_hour_later_on_the_wall() -> None:
    begin, end = day_of(date(2024, 9, 8), ZoneInfo("America/Santiago"))
    assert begin.astimezone(ZoneInfo("America/Santiago")).isoformat() == "2024-09-08T01:00:00-03:00"
    assert end - begin == timedelta(hours=23)


def test_a_day_that_the_calendar_skips_never_was() -> None:
    with pytest.raises(SkippedHour, match="2011-12-30"):
        day_of(date(2011, 12, 30), ZoneInfo("Pacific/Apia"))


@pytest.mark.parametrize("day", [date(1, 1, 1), date(1999, 12, 31), date(2100, 1, 1), date(9999, 12, 31)])
def test_a_day_beyond_the_calendar_is_refused(day: date) -> None:
    with pytest.raises(InvalidTrip, match="between the years"):
        day_of(day, NEW_YORK)


@given(st.dates(date(2012, 1, 1), date(2099, 12, 30)), time_zones())
def test_days_follow_each_other_without_a_gap(day: date, time_zone: str) -> None:
    tz, second = ZoneInfo(time_zone), timedelta(seconds=1)
    begin, end = day_of(day, tz)
    assert begin.tzinfo is end.tzinfo is UTC
    assert day_of(day + timedelta(days=1), tz)[0] == end
    assert begin.astimezone(tz).date() == (end - second).astimezone(tz).date() == day
