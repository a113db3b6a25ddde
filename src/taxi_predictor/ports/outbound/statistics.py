"""Counting stored trips in aggregate, which one by one would take too long."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Protocol

from taxi_predictor.domain.traffic import DayCount, DurationCounts, HourCount, PairCount, SpotCount, Window

__all__ = ["TripStatistics"]


class TripStatistics(Protocol):
    """Counts the trips of a store, within a window of them.

    Days, hours and weekdays are those of the city's clocks. What was stored before a question counts;
    what was erased may count for another minute. A speed is metered kilometres per hour, over the trips
    that have a metered distance above zero which a car of the city can drive in that time; None where
    none has. Nothing empty is told.

    All raise Unavailable when the store does not answer.
    """

    @abstractmethod
    async def days(self, window: Window, /) -> Sequence[DayCount]:
        """By day and family, in that order."""
        ...

    @abstractmethod
    async def hours(self, window: Window, /) -> Sequence[HourCount]:
        """By hour of the week, Monday's midnight first."""
        ...

    @abstractmethod
    async def durations(self, window: Window, /) -> DurationCounts:
        """By duration; quantiles are a trip's duration, or between those of two by a straight line."""
        ...

    @abstractmethod
    async def spots(self, window: Window, /) -> Sequence[SpotCount]:
        """By the spot where they began, in the order of their numbers."""
        ...

    @abstractmethod
    async def pairs(
        self, window: Window, /, *, limit: int, at_least: int = 1, slowest: bool = False
    ) -> Sequence[PairCount]:
        """The *limit* pairs of spots with the most trips, or the slowest, of those with *at_least* so many.

        Of equals the lower numbers come first. Slow is who has the lowest speed; pairs without one, and
        those that end where they begin, are not among the slowest.
        """
        ...
