"""Splitting trips by time: a model is judged on days that come after all it has seen."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import accumulate
from zoneinfo import ZoneInfo

from taxi_predictor.domain.errors import Invalid, NotEnoughTrips

__all__ = ["MIN_TRIPS", "TimeSplit"]

MIN_TRIPS = 1_000
"""Fewer stored trips than this train nothing worth judging."""

MAX_HELD_OUT_DAYS = 14
ENOUGH_TO_JUDGE = 5_000
MAX_VALIDATION_DAYS = 31


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeSplit:
    """Three windows in a row, each from its instant up to, not including, the next.

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
        if not self.fit_from < self.validate_from < self.held_out_from < self.until:
            raise Invalid(f"windows must follow each other: {self}")

    @classmethod
    def choose(cls, trips_by_day: Sequence[tuple[date, int]], *, tz: ZoneInfo) -> "TimeSplit":
        """Split the days that have trips, given oldest first with how many each has.

        The last windows are a tenth of the trips' days each, at most 14 (held out) and 31
        (validation); where trips are sparse they grow until each has 5,000 of them or a twentieth
        of all, for fewer would say little.

        Raises:
            NotEnoughTrips: fewer than 1,000 trips, or fewer than three days with any.
        """
        total = sum(count for _, count in trips_by_day)
        if total < MIN_TRIPS or len(trips_by_day) < 3:
            raise NotEnoughTrips(
                f"training needs at least {MIN_TRIPS:,} trips over 3 days, got {total:,} over"
                f" {len(trips_by_day)}; ingest more trips or move --until"
            )
        enough = min(total / 20, ENOUGH_TO_JUDGE)
        held_out = _window_days(trips_by_day, at_most=MAX_HELD_OUT_DAYS, trips=enough, leave=2)
        earlier = trips_by_day[:-held_out]
        validation = _window_days(earlier, at_most=MAX_VALIDATION_DAYS, trips=enough, leave=1)

        def midnight(day: date) -> datetime:
            return datetime.combine(day, time(), tzinfo=tz)

        return cls(
            fit_from=midnight(trips_by_day[0][0]),
            validate_from=midnight(earlier[-validation][0]),
            held_out_from=midnight(trips_by_day[-held_out][0]),
            until=midnight(trips_by_day[-1][0] + timedelta(days=1)),
        )


def _window_days(trips_by_day: Sequence[tuple[date, int]], *, at_most: int, trips: float, leave: int) -> int:
    """How many of the last days make a window that leaves *leave* days before it."""
    by_days = min(max(len(trips_by_day) // 10, 1), at_most)
    from_last = accumulate(count for _, count in reversed(trips_by_day))
    by_trips = next((days for days, n in enumerate(from_last, 1) if n >= trips), len(trips_by_day))
    return min(max(by_days, by_trips), len(trips_by_day) - leave)
