"""What instant a clock on the wall means."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from taxi_predictor.domain.errors import RepeatedHour, SkippedHour

__all__ = ["instant_of"]


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
