"""What instants clocks and calendars on the wall mean."""

from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from taxi_predictor.domain.errors import InvalidTrip, RepeatedHour, SkippedHour
from taxi_predictor.domain.plausibility import EARLIEST, LATEST
from taxi_predictor.domain.wall_clock import after_s, day_of, instant_of, time_of
from taxi_predictor.ports.testing.strategies import time_zones

NEW_YORK, CHICAGO = ZoneInfo("America/New_York"), ZoneInfo("America/Chicago")
LORD_HOWE = ZoneInfo("Australia/Lord_Howe")
TOKYO = ZoneInfo("Asia/Tokyo")
APIA = ZoneInfo("Pacific/Apia")
A_MOMENT = timedelta(microseconds=1)

SKIPPED = [
    # Clocks show neither the first nor anything before the second, which is when they go on.
    (NEW_YORK, "2024-03-10T02:00", "2024-03-10T03:00"),
    (CHICAGO, "2024-03-10T02:00", "2024-03-10T03:00"),
    (LORD_HOWE, "2024-10-06T02:00", "2024-10-06T02:30"),
    (APIA, "2011-12-30T00:00", "2011-12-31T00:00"),  # it moved across the date line: a whole day
]
REPEATED = [
    # Clocks show the first, and everything before the second, twice.
    (NEW_YORK, "2024-11-03T01:00", "2024-11-03T02:00"),
    (CHICAGO, "2024-11-03T01:00", "2024-11-03T02:00"),
    (LORD_HOWE, "2024-04-07T01:30", "2024-04-07T02:00"),
]
TIME_ZONES = time_zones().map(ZoneInfo)
LOCAL = st.datetimes(datetime(1970, 1, 2), datetime(2099, 12, 30))  # noqa: DTZ001 # a clock on the wall has no offset


def on_the_wall(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize(("tz", "first", "end"), SKIPPED)
def test_what_clocks_skip_is_refused_to_the_moment(tz: ZoneInfo, first: str, end: str) -> None:
    for at in (on_the_wall(first), on_the_wall(end) - A_MOMENT):
        for fold in (0, 1):
            with pytest.raises(SkippedHour, match=f"{at.isoformat()} never was in {tz.key}"):
                instant_of(at.replace(fold=fold), tz)
    before, after = instant_of(on_the_wall(first) - A_MOMENT, tz), instant_of(on_the_wall(end), tz)
    assert after.astimezone(UTC) - before.astimezone(UTC) == A_MOMENT


@pytest.mark.parametrize(("tz", "first", "end"), REPEATED)
def test_what_clocks_show_twice_is_refused_to_the_moment(tz: ZoneInfo, first: str, end: str) -> None:
    for at in (on_the_wall(first), on_the_wall(end) - A_MOMENT):
        for fold in (0, 1):
            with pytest.raises(RepeatedHour, match=f"{at.isoformat()} was twice in {tz.key}"):
                instant_of(at.replace(fold=fold), tz)
    before, after = instant_of(on_the_wall(first) - A_MOMENT, tz), instant_of(on_the_wall(end), tz)
    length = on_the_wall(end) - on_the_wall(first)
    assert after.astimezone(UTC) - before.astimezone(UTC) == 2 * length + A_MOMENT


@pytest.mark.parametrize(
    ("tz", "shown", "both"),
    [
        (NEW_YORK, "2024-11-03T01:30", ("2024-11-03T01:30:00-04:00", "2024-11-03T01:30:00-05:00")),
        (CHICAGO, "2024-11-03T01:30", ("2024-11-03T01:30:00-05:00", "2024-11-03T01:30:00-06:00")),
        (LORD_HOWE, "2024-04-07T01:45", ("2024-04-07T01:45:00+11:00", "2024-04-07T01:45:00+10:30")),
    ],
)
def test_the_refusal_of_a_repeated_hour_names_both_ways_to_say_it(
    tz: ZoneInfo, shown: str, both: tuple[str, str]
) -> None:
    with pytest.raises(RepeatedHour) as refusal:
        instant_of(on_the_wall(shown), tz)
    for text in both:
        assert text in str(refusal.value)
        assert instant_of(datetime.fromisoformat(text), tz).isoformat() == text


@given(LOCAL)
@example(on_the_wall("2024-03-10T02:30"))
@example(on_the_wall("2024-11-03T01:30"))
def test_where_clocks_are_never_changed_every_time_means_one_instant(at: datetime) -> None:
    assert instant_of(at, TOKYO).astimezone(UTC) == at.replace(tzinfo=UTC) - timedelta(hours=9)


@given(LOCAL, TIME_ZONES, st.sampled_from([0, 1]))
def test_clocks_show_the_time_at_the_instant_that_it_means(at: datetime, tz: ZoneInfo, fold: int) -> None:
    try:
        instant = instant_of(at.replace(fold=fold), tz)
    except InvalidTrip:
        return
    assert instant.tzinfo is tz
    assert instant.astimezone(UTC).astimezone(tz).replace(tzinfo=None, fold=0) == at


@given(LOCAL, TIME_ZONES, TIME_ZONES)
def test_a_time_with_an_offset_is_left_as_it_is(at: datetime, its: ZoneInfo, tz: ZoneInfo) -> None:
    aware = at.replace(tzinfo=its)
    assert instant_of(aware, tz) is aware


@given(LOCAL, TIME_ZONES)
def test_every_instant_is_found_again_from_what_clocks_show_then(utc: datetime, tz: ZoneInfo) -> None:
    instant = utc.replace(tzinfo=UTC)
    local = instant.astimezone(tz)
    try:
        found = instant_of(local.replace(tzinfo=None), tz)
    except RepeatedHour:  # but never SkippedHour: clocks did show it
        return
    assert found.astimezone(UTC) == instant


@pytest.mark.parametrize(("tz", "first", "end"), [*SKIPPED[:2], *REPEATED])
def test_so_many_seconds_later_is_so_much_later_also_when_clocks_are_changed(
    tz: ZoneInfo, first: str, end: str
) -> None:
    before = instant_of(on_the_wall(first) - timedelta(minutes=1), tz)
    later = after_s(before, 5_400.5)
    assert later.tzinfo is tz
    assert (later.astimezone(UTC) - before.astimezone(UTC)).total_seconds() == 5_400.5


def test_so_many_seconds_later_is_so_much_later_at_an_offset() -> None:
    before = datetime(2024, 3, 10, 1, 59, tzinfo=timezone(timedelta(hours=-5)))
    assert after_s(before, 90.5) == datetime(2024, 3, 10, 2, 0, 30, 500_000, tzinfo=before.tzinfo)


# --- how times are written ---


@pytest.mark.parametrize(
    ("text", "means"),
    [
        ("2024-03-01T08:30", "2024-03-01T08:30:00"),
        ("2024-03-01 08:30:05.25", "2024-03-01T08:30:05.250000"),
        ("2024-03-01T08:30:05.1234567", "2024-03-01T08:30:05.123456"),
        ("2024-03-01t08:30z", "2024-03-01T08:30:00+00:00"),
        ("2024-03-01T08:30-0500", "2024-03-01T08:30:00-05:00"),
        ("2024-03-01T08:30:00+05:30", "2024-03-01T08:30:00+05:30"),
        ("20240301T0830", "2024-03-01T08:30:00"),
        ("20240301T083000-0500", "2024-03-01T08:30:00-05:00"),
    ],
)
def test_a_time_is_read_as_people_and_programs_write_it(text: str, means: str) -> None:
    assert time_of(text).isoformat() == means


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "2024-03",
        "2024-03-01",
        "2024-W09-5T08:30",
        "2024-03-01_08:30",
        "2024-03-01T08",
        "2024-03-01T08:30+1",
        "٢٠٢٤-03-01T08:30",
        "2024-03-01T08:30\n",
        "1709299800",
        "2024-02-30T08:30",
        "2024-03-01T24:00",
        "2024-03-01T08:30+99:00",
        "2024-03-01T08:30+00:75",
        "20240301T0830+0075",
    ],
)
def test_what_is_no_time_is_refused(text: str) -> None:
    form = "not a time such as 2024-03-01T08:30 or 2024-03-01T08:30:00-05:00$"
    with pytest.raises(InvalidTrip, match=f"^({form}|there is no such time: )"):
        time_of(text)


@given(st.datetimes(), st.none() | time_zones().map(ZoneInfo))
def test_every_time_is_read_as_python_writes_it(at: datetime, tz: ZoneInfo | None) -> None:
    offset = None if tz is None else at.replace(tzinfo=tz).utcoffset()
    if offset is not None and offset.seconds % 60:  # as before there were time zones
        return
    assert time_of(at.replace(tzinfo=tz).isoformat()).isoformat() == at.replace(tzinfo=tz).isoformat()


# --- days ---


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
    with pytest.raises(SkippedHour, match="2011-12-30") as refusal:
        day_of(date(2011, 12, 30), ZoneInfo("Pacific/Apia"))
    assert refusal.value.part == "date"


def test_the_first_and_the_last_day_of_the_calendar_are_days_of_it() -> None:
    greenwich = ZoneInfo("UTC")
    assert day_of(date(2000, 1, 1), greenwich)[0] == EARLIEST
    assert day_of(date(2099, 12, 31), greenwich)[1] == LATEST


@pytest.mark.parametrize("day", [date(1, 1, 1), date(1999, 12, 31), date(2100, 1, 1), date(9999, 12, 31)])
def test_a_day_beyond_the_calendar_is_refused(day: date) -> None:
    with pytest.raises(InvalidTrip, match="between the years") as refusal:
        day_of(day, NEW_YORK)
    assert refusal.value.part == "date"


@pytest.mark.parametrize(("day", "tz"), [(date(2099, 12, 31), NEW_YORK), (date(2000, 1, 1), TOKYO)])
def test_a_day_that_is_partly_beyond_the_calendar_is_refused_by_its_name(day: date, tz: ZoneInfo) -> None:
    with pytest.raises(InvalidTrip, match=f"date {day.isoformat()} is not wholly between"):
        day_of(day, tz)
    for near in (day - timedelta(days=1), day + timedelta(days=1)):
        if 2000 < near.year < 2100 or near == date(2000, 1, 2):
            assert day_of(near, tz)


@given(st.dates(date(2012, 1, 1), date(2099, 12, 30)), time_zones())
def test_days_follow_each_other_without_a_gap(day: date, time_zone: str) -> None:
    tz, second = ZoneInfo(time_zone), timedelta(seconds=1)
    begin, end = day_of(day, tz)
    assert begin.tzinfo is end.tzinfo is UTC
    assert day_of(day + timedelta(days=1), tz)[0] == end
    assert begin.astimezone(tz).date() == (end - second).astimezone(tz).date() == day
