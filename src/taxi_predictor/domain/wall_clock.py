"""From local clock and calendar times to instants."""

import re
from datetime import UTC, date, datetime, time, timedelta, timezone
from zoneinfo import ZoneInfo

from taxi_predictor.domain.errors import InvalidTrip, RepeatedHour, SkippedHour
from taxi_predictor.domain.plausibility import CALENDAR, EARLIEST, LATEST

__all__ = ["TIME_PATTERN", "after_s", "day_of", "instant_of", "time_of"]

TIME_PATTERN = (
    r"^(?:[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]+)?)?"
    r"(?:[Zz]|[+-][0-9]{2}:?[0-5][0-9])?"
    r"|[0-9]{8}[Tt][0-9]{4}(?:[0-9]{2})?(?:[Zz]|[+-][0-9]{2}[0-5][0-9])?)$"
)
"""ISO 8601 as people and programs write it, RFC 3339 included (ECMA 262, as OpenAPI wants it)."""

_TIME = re.compile(TIME_PATTERN, re.ASCII)


def time_of(text: str) -> datetime:
    """The time that *text* is, such as 2024-03-01T08:30; it is naive where it has no offset.

    Raises:
        InvalidTrip: it is written otherwise, or there is no such time, as on the 30th of February.
    """
    if not _TIME.fullmatch(text):
        raise InvalidTrip("not a time such as 2024-03-01T08:30 or 2024-03-01T08:30:00-05:00")
    try:
        return datetime.fromisoformat(text.upper())
    except ValueError as error:
        raise InvalidTrip(f"there is no such time: {error}") from error


def after_s(at: datetime, seconds: float) -> datetime:
    """So many *seconds* after *at*, at its offset or on its clock."""
    if isinstance(at.tzinfo, timezone):  # an offset is the same all year
        return at + timedelta(seconds=seconds)
    # By way of UTC: on a wall clock an hour may be missing in between, or come twice.
    return (at.astimezone(UTC) + timedelta(seconds=seconds)).astimezone(at.tzinfo)


def instant_of(at: datetime, tz: ZoneInfo) -> datetime:
    """*at* as it is where it has an offset; else what clocks on the walls of *tz* mean by it.

    Raises:
        SkippedHour: clocks never show it, for they are put forward.
        RepeatedHour: clocks show it twice, for they are put back.
    """
    if at.utcoffset() is not None:
        return at
    first, second = at.replace(tzinfo=tz, fold=0), at.replace(tzinfo=tz, fold=1)
    if first.utcoffset() == second.utcoffset():
        return first
    # Where an hour is missing, the way to UTC and back does not lead home.
    if first.astimezone(UTC).astimezone(tz).replace(tzinfo=None) != at:
        raise SkippedHour(f"{at.isoformat()} never was in {tz.key}: clocks were put forward over it")
    raise RepeatedHour(
        f"{at.isoformat()} was twice in {tz.key}, for clocks were put back: say which by an offset,"
        f" {first.isoformat()} or {second.isoformat()}"
    )


def day_of(day: date, tz: ZoneInfo) -> tuple[datetime, datetime]:
    """The first instant of *day* in *tz* and the first after it: 23, 24 or 25 hours apart, in UTC.

    Raises:
        SkippedHour: the calendar skips it, as Samoa's did 2011-12-30.
        InvalidTrip: it is not wholly within the calendar.
    """
    if not EARLIEST.date() <= day < LATEST.date():
        raise _beyond(day)
    # Where clocks skip midnight, what they would have shown by the old offset is when they skip it.
    begin, end = (datetime.combine(one, time(), tz).astimezone(UTC) for one in (day, day + timedelta(days=1)))
    if begin == end:
        raise SkippedHour(
            f"{day.isoformat()} never was in {tz.key}: the calendar was put forward over it", part="date"
        )
    if begin < EARLIEST or end > LATEST:
        raise _beyond(day)
    return begin, end


def _beyond(day: date) -> InvalidTrip:
    return InvalidTrip(f"date {day.isoformat()} is not wholly {CALENDAR}", part="date")
