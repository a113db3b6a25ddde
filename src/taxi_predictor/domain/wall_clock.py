"""What instants clocks and calendars on the wall mean."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from taxi_predictor.domain.errors import InvalidTrip, RepeatedHour, SkippedHour
from taxi_predictor.domain.plausibility import EARLIEST, LATEST

__all__ = ["day_of", "instant_of"]


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
    if first.astimezone(UTC).astimezone(tz).replace(tzinfo=None, fold=0) != at.replace(fold=0):
        raise SkippedHour(f"{at.isoformat()} never was in {tz.key}: clocks were put forward over it")
    raise RepeatedHour(
        f"{at.isoformat()} was twice in {tz.key}, for clocks were put back: say which by an offset,"
        f" {first.isoformat()} or {second.isoformat()}"
    )


def day_of(day: date, tz: ZoneInfo) -> tuple[datetime, datetime]:
    """The first instant of *day* in *tz* and the first after it: 23, 24 or 25 hours apart, in UTC.

    Raises:
        SkippedHour: the calendar skips it, as Samoa's did 2011-12-30.
        InvalidTrip: it is beyond the calendar.
    """
    if not EARLIEST.date() <= day < LATEST.date():
        raise InvalidTrip(f"{day.isoformat()} is not between the years 2000 and 2099")
    # Where clocks skip midnight, what they would have shown by the old offset is when they skip it.
    begin, end = (datetime.combine(one, time(), tz).astimezone(UTC) for one in (day, day + timedelta(days=1)))
    if begin == end:
        raise SkippedHour(f"{day.isoformat()} never was in {tz.key}: the calendar was put forward over it")
    return begin, end
