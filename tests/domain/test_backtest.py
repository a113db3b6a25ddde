"""Windows of a backtest follow each other without a gap, on the city's own calendar."""

from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taxi_predictor.domain.backtest import Every, folds
from taxi_predictor.domain.errors import Invalid

NEW_YORK = ZoneInfo("America/New_York")
instants = st.datetimes(datetime(2022, 1, 1), datetime(2025, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


def local(*date: int) -> datetime:
    return datetime(*date, tzinfo=NEW_YORK)  # type: ignore[arg-type, misc] # year, month, day


def test_months_from_january_to_june_are_five() -> None:
    found = folds(local(2023, 1, 1), local(2023, 6, 1), every="month", tz=NEW_YORK)
    assert {at.tzinfo for fold in found for at in (fold.origin, fold.until)} == {UTC}
    assert [fold.origin for fold in found] == [local(2023, month, 1) for month in range(1, 6)]
    assert found[-1].until == local(2023, 6, 1)


def test_a_month_counts_that_begins_in_that_very_moment() -> None:
    """On a Tuesday, and 31 days after the Monday before it is March."""
    found = folds(local(2022, 2, 1), local(2022, 4, 1), every="month", tz=NEW_YORK)
    assert [fold.origin for fold in found] == [local(2022, 2, 1), local(2022, 3, 1)]


@given(
    since=instants,
    span=st.timedeltas(timedelta(seconds=1), timedelta(days=500)),
    every=st.sampled_from(["month", "week"]),
)
def test_windows_begin_with_a_local_month_or_monday_and_leave_no_gap(
    since: datetime, span: timedelta, every: Every
) -> None:
    until = since + span
    longest = timedelta(days=32 if every == "month" else 8)
    try:
        found = folds(since, until, every=every, tz=NEW_YORK)
    except Invalid:
        assert span < longest
        return
    assert since <= found[0].origin < since + longest
    assert found[-1].until == until < found[-1].origin + longest
    for fold, after in pairwise(found):
        assert fold.until == after.origin
    for fold in found:
        begin = fold.origin.astimezone(NEW_YORK)
        assert begin.time() == time()
        assert begin.day == 1 if every == "month" else begin.weekday() == 0


def test_a_span_in_which_nothing_begins_is_refused() -> None:
    with pytest.raises(Invalid, match="no month begins from 2023-01-02 on and before 2023-01-31"):
        folds(local(2023, 1, 2, 22), local(2023, 1, 31, 22), every="month", tz=NEW_YORK)
