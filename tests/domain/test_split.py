"""A model is judged on days that come after all it has seen."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from taxi_predictor.domain.errors import Invalid, NotEnoughTrips
from taxi_predictor.domain.split import MIN_TRIPS, TimeSplit

NEW_YORK = ZoneInfo("America/New_York")
FIRST = date(2023, 1, 1)
History = list[tuple[date, int]]
few = settings(max_examples=100, deadline=None)


def history(counts: Sequence[int], *, gaps: Sequence[int] | None = None) -> History:
    """Days with *counts* trips, each *gaps* days after the one before."""
    days, day = [], FIRST
    for count, gap in zip(counts, gaps or [1] * len(counts), strict=True):
        days.append((day, count))
        day += timedelta(days=gap)
    return days


@st.composite
def histories(draw: st.DrawFn) -> History:
    """Any history with enough trips to train on: even or lopsided, with days missing or not."""
    counts = draw(st.lists(st.integers(1, 2000), min_size=3, max_size=60))
    missing = MIN_TRIPS - sum(counts)
    if missing > 0:
        counts[draw(st.integers(0, len(counts) - 1))] += missing
    gaps = draw(st.lists(st.integers(1, 5), min_size=len(counts), max_size=len(counts)))
    return history(counts, gaps=gaps)


def local_days(split: TimeSplit) -> tuple[date, date, date, date]:
    for at in (split.fit_from, split.validate_from, split.held_out_from, split.until):
        assert at.astimezone(NEW_YORK).time() == time(), "a window begins at midnight in the city"
    return (
        split.fit_from.astimezone(NEW_YORK).date(),
        split.validate_from.astimezone(NEW_YORK).date(),
        split.held_out_from.astimezone(NEW_YORK).date(),
        split.until.astimezone(NEW_YORK).date(),
    )


def windows(days: History, split: TimeSplit) -> tuple[History, History, History]:
    """The days of *days* that fall into each window."""
    edges = local_days(split)
    fit, validation, held_out = (
        [(day, count) for day, count in days if since <= day < until] for since, until in pairwise(edges)
    )
    return fit, validation, held_out


def trips_in(days: History) -> int:
    return sum(count for _, count in days)


@given(days=histories())
@example(days=history([1000, 1, 1]))
@few
def test_any_history_of_enough_trips_is_split_into_windows_with_trips_in_each(days: History) -> None:
    split = TimeSplit.choose(days, tz=NEW_YORK)
    fit, validation, held_out = windows(days, split)
    assert fit + validation + held_out == days, "windows neither overlap nor leave a day out"
    assert fit
    assert validation
    assert held_out[-1] == days[-1], "the last days are held out"


@given(n=st.integers(10, 139))
@few
def test_the_last_windows_of_an_even_history_are_a_tenth_of_the_days_each(n: int) -> None:
    days = history([100] * n)
    fit, validation, held_out = windows(days, TimeSplit.choose(days, tz=NEW_YORK))
    assert len(held_out) == max(n // 10, 1)
    assert len(validation) == pytest.approx(n * 0.1, abs=2.5)
    assert len(fit) >= n * 0.7


def test_a_year_holds_out_its_last_days_up_to_a_twentieth_of_its_trips() -> None:
    days = history([100] * 365)
    fit, validation, held_out = windows(days, TimeSplit.choose(days, tz=NEW_YORK))
    # Fourteen days are less than a twentieth (18.25 days), so that window grows back; 31 are more.
    assert (len(fit), len(validation), len(held_out)) == (315, 31, 19)


def test_five_thousand_trips_are_enough_however_many_there_are() -> None:
    days = history([1000] * 730)
    fit, validation, held_out = windows(days, TimeSplit.choose(days, tz=NEW_YORK))
    # A twentieth would be 36.5 days each.
    assert (len(fit), len(validation), len(held_out)) == (685, 31, 14)


def test_a_busy_history_needs_no_more_than_fourteen_days() -> None:
    days = history([1000] * 314)
    _, validation, held_out = windows(days, TimeSplit.choose(days, tz=NEW_YORK))
    assert len(held_out) == 14
    assert len(validation) == 30


def test_a_busy_end_is_not_kept_from_training() -> None:
    days = history([10] * 300 + [1000] * 14)
    _, validation, held_out = windows(days, TimeSplit.choose(days, tz=NEW_YORK))
    assert len(held_out) == len(validation) == 1


def test_a_sparse_end_grows_until_it_says_something() -> None:
    days = history([100] * 60 + [1] * 40)
    split = TimeSplit.choose(days, tz=NEW_YORK)
    _, validation, held_out = windows(days, split)
    assert trips_in(held_out) >= trips_in(days) / 20
    assert trips_in(held_out[1:]) < trips_in(days) / 20, "not a day more than needed"
    assert trips_in(validation) >= trips_in(days) / 20


def test_a_day_with_a_twentieth_of_the_trips_is_enough() -> None:
    for days in (history([211] * 8 + [212, 100]), history([257] * 6 + [258, 100, 100])):
        assert trips_in(days) == 2_000
        assert len(windows(days, TimeSplit.choose(days, tz=NEW_YORK))[2]) == 1


def test_three_days_are_one_for_each_window() -> None:
    days = history([400, 400, 400], gaps=[10, 1, 1])
    split = TimeSplit.choose(days, tz=NEW_YORK)
    assert [len(window) for window in windows(days, split)] == [1, 1, 1]
    assert local_days(split) == (FIRST, date(2023, 1, 11), date(2023, 1, 12), date(2023, 1, 13))


@pytest.mark.parametrize(
    "counts", [[], [5000], [5000, 5000], [333, 333, 333], [1] * 999], ids=lambda counts: f"{len(counts)} days"
)
def test_too_few_trips_or_days_are_refused(counts: list[int]) -> None:
    with pytest.raises(
        NotEnoughTrips, match=r"at least 1,000 trips over 3 days, got .*; ingest more trips or move --until$"
    ):
        TimeSplit.choose(history(counts), tz=NEW_YORK)


def test_windows_begin_at_local_midnight_on_both_sides_of_a_clock_change() -> None:
    days = [(date(2024, 3, 9) + timedelta(days=n), 500) for n in range(3)]
    split = TimeSplit.choose(days, tz=NEW_YORK)
    assert {getattr(split, name).tzinfo for name in split.__slots__} == {UTC}
    assert split.fit_from.astimezone(UTC) == datetime(2024, 3, 9, 5, tzinfo=UTC)
    assert split.validate_from.astimezone(UTC) == datetime(2024, 3, 10, 5, tzinfo=UTC)
    assert split.held_out_from.astimezone(UTC) == datetime(2024, 3, 11, 4, tzinfo=UTC)
    assert split.until.astimezone(UTC) == datetime(2024, 3, 12, 4, tzinfo=UTC)


def test_a_midnight_that_the_clocks_skip_is_the_moment_they_do() -> None:
    # In Havana the clocks go from 0:00 to 1:00, on 2024-03-10.
    days = [(date(2024, 3, 9) + timedelta(days=n), 500) for n in range(3)]
    split = TimeSplit.choose(days, tz=ZoneInfo("America/Havana"))
    assert split.validate_from.astimezone(UTC) == datetime(2024, 3, 10, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    "order", [(0, 0, 1, 2), (0, 1, 1, 2), (1, 0, 2, 3), (0, 2, 1, 3), (0, 1, 3, 2), (0, 1, 2, 2)]
)
def test_windows_that_do_not_follow_each_other_are_refused(order: tuple[int, int, int, int]) -> None:
    fit, validate, held_out, until = (datetime(2024, 1, 1 + day, tzinfo=UTC) for day in order)
    with pytest.raises(Invalid, match="must follow each other"):
        TimeSplit(fit_from=fit, validate_from=validate, held_out_from=held_out, until=until)


@given(days=histories(), hour=st.integers(1, 23))
@few
def test_a_history_that_is_cut_within_its_last_day_ends_there(days: History, hour: int) -> None:
    until = datetime.combine(days[-1][0], time(hour), tzinfo=NEW_YORK)
    cut, whole = TimeSplit.choose(days, tz=NEW_YORK, until=until), TimeSplit.choose(days, tz=NEW_YORK)
    assert cut.until == until.astimezone(UTC)  # as it is told: at two it may be a time that clocks skip
    assert (cut.fit_from, cut.validate_from, cut.held_out_from) == (
        whole.fit_from,
        whole.validate_from,
        whole.held_out_from,
    )
    later = TimeSplit.choose(days, tz=NEW_YORK, until=until + timedelta(days=9))
    assert later == whole


@few
@given(histories(), st.integers(0, 40), st.integers(1, 40))
def test_a_told_window_is_held_out_whole_and_all_days_before_it_are_learned_from(
    days: History, gap_days: int, held_out_days: int
) -> None:
    origin = datetime.combine(days[-1][0] + timedelta(days=1 + gap_days), time(), tzinfo=NEW_YORK)
    until = origin + timedelta(days=held_out_days)
    split = TimeSplit.before(days, tz=NEW_YORK, held_out_from=origin, until=until)
    assert (split.held_out_from, split.until) == (origin, until)
    fit, validation, _ = windows(days, split)
    assert [*fit, *validation] == days
    assert fit
    least = min(sum(count for _, count in days) / 20, 5_000)
    assert sum(count for _, count in validation) >= least or len(fit) == 1


@pytest.mark.parametrize("counts", [[], [1_500], [400, 400]])
def test_too_few_trips_before_a_told_window_are_refused(counts: list[int]) -> None:
    with pytest.raises(
        NotEnoughTrips, match=r"1,000 trips over 2 days, got .*; ingest earlier trips or begin later$"
    ):
        TimeSplit.before(
            history(counts),
            tz=NEW_YORK,
            held_out_from=datetime(2024, 1, 1, tzinfo=UTC),
            until=datetime(2024, 2, 1, tzinfo=UTC),
        )
