"""Splitting trips by time: a model is judged on days that come after all it has seen."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import accumulate
from zoneinfo import ZoneInfo

from taxi_predictor.domain.errors import Invalid, NotEnoughTrips

__all__ = ["MIN_TRIPS", "TimeSplit", "local_midnight"]

MIN_TRIPS = 1_000
"""Fewer stored trips than this train nothing worth judging."""

MAX_HELD_OUT_DAYS = 14
ENOUGH_TO_JUDGE = 5_000
MAX_VALIDATION_DAYS = 31


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeSplit:
    """Three windows in a row, each from its instant (kept in UTC) up to, not including, the next.

    | window | from | what it is for |
    | --- | --- | --- |
    | fit | ``fit_from`` | trees |
    | validation | ``validate_from`` | the number of trees, the spread and its calibration; then trees too |
    | held out | ``held_out_from`` | judging: no part of the model has seen it |
    """

    fit_from: datetime
    validate_from: datetime
    held_out_from: datetime
    until: datetime

    def __post_init__(self) -> None:
        for name in self.__slots__:
            object.__setattr__(self, name, getattr(self, name).astimezone(UTC))
        if not self.fit_from < self.validate_from < self.held_out_from < self.until:
            raise Invalid(f"windows must follow each other: {self}")

    @classmethod
    def choose(
        cls, trips_by_day: Sequence[tuple[date, int]], *, tz: ZoneInfo, until: datetime | None = None
    ) -> "TimeSplit":
        """Split the days that have trips, given oldest first with how many each has.

        The last day ends at *until* where that is not a midnight: no later trip is used.

        Each of the last two windows is a tenth of the trips' days, at most 14 (held out) and 31
        (validation), and has at most a tenth of the trips; but where trips are sparse it grows until
        it has 5,000 of them or a twentieth of all, for fewer would say little.

        Raises:
            NotEnoughTrips: fewer than 1,000 trips, or fewer than three days with any.
        """
        trips = _least_and_most(trips_by_day, days=3, remedy="ingest more trips or move --until")
        held_out = _window_days(trips_by_day, MAX_HELD_OUT_DAYS, trips, leave=2)
        earlier = trips_by_day[:-held_out]
        validation = _window_days(earlier, MAX_VALIDATION_DAYS, trips, leave=1)
        end = local_midnight(trips_by_day[-1][0] + timedelta(days=1), tz)
        return cls(
            fit_from=local_midnight(trips_by_day[0][0], tz),
            validate_from=local_midnight(earlier[-validation][0], tz),
            held_out_from=local_midnight(trips_by_day[-held_out][0], tz),
            until=end if until is None else min(end.astimezone(UTC), until.astimezone(UTC)),
        )

    @classmethod
    def before(
        cls,
        trips_by_day: Sequence[tuple[date, int]],
        *,
        tz: ZoneInfo,
        held_out_from: datetime,
        until: datetime,
    ) -> "TimeSplit":
        """Learn from the days given, all before *held_out_from*; what is held out is told, not chosen.

        The validation window is chosen as :meth:`choose` does.

        Raises:
            NotEnoughTrips: fewer than 1,000 trips, or fewer than two days with any.
        """
        trips = _least_and_most(trips_by_day, days=2, remedy="ingest earlier trips or begin later")
        validation = _window_days(trips_by_day, MAX_VALIDATION_DAYS, trips, leave=1)
        return cls(
            fit_from=local_midnight(trips_by_day[0][0], tz),
            validate_from=local_midnight(trips_by_day[-validation][0], tz),
            held_out_from=held_out_from,
            until=until,
        )


def local_midnight(day: date, tz: ZoneInfo) -> datetime:
    """When *day* begins in *tz*."""
    return datetime.combine(day, time(), tzinfo=tz)


def _least_and_most(
    trips_by_day: Sequence[tuple[date, int]], *, days: int, remedy: str
) -> tuple[float, float]:
    """How many trips a window should have at least, and at most."""
    total = sum(count for _, count in trips_by_day)
    if total < MIN_TRIPS or len(trips_by_day) < days:
        raise NotEnoughTrips(
            f"training needs at least {MIN_TRIPS:,} trips over {days} days, got {total:,} over"
            f" {len(trips_by_day)}; {remedy}"
        )
    return min(total / 20, ENOUGH_TO_JUDGE), total / 10


def _window_days(
    trips_by_day: Sequence[tuple[date, int]], most_days: int, trips: tuple[float, float], *, leave: int
) -> int:
    """How many of the last days make a window; *leave* days stay before it, *trips* are least and most."""
    least_trips, most_trips = trips
    from_last = list(accumulate(count for _, count in reversed(trips_by_day)))
    needed = next((days for days, n in enumerate(from_last, 1) if n >= least_trips), len(from_last))
    allowed = sum(n <= most_trips for n in from_last)
    wanted = min(max(len(trips_by_day) // 10, 1), most_days, allowed)
    return min(max(wanted, needed), len(trips_by_day) - leave)
