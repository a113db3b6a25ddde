"""How does the city move? Asked by those who run fleets, and by those who train models."""

from collections.abc import Sequence

from taxi_predictor.domain.traffic import DayCount, DurationCounts, HourCount, PairCount, SpotCount, Window
from taxi_predictor.ports.outbound.statistics import TripStatistics

__all__ = ["MIN_PAIR_TRIPS", "Traffic"]

MIN_PAIR_TRIPS = 20
"""With fewer trips a pair of places is not called slow."""
PAIRS = 10


class Traffic:
    """All raise Unavailable when the store does not answer."""

    def __init__(self, *, statistics: TripStatistics) -> None:
        self._statistics = statistics

    async def days(self, window: Window) -> Sequence[DayCount]:
        """Trips by day and family, none empty."""
        return await self._statistics.days(window)

    async def hours(self, window: Window) -> Sequence[HourCount]:
        """Trips by hour of the week, none empty."""
        return await self._statistics.hours(window)

    async def durations(self, window: Window) -> DurationCounts:
        return await self._statistics.durations(window)

    async def spots(self, window: Window) -> Sequence[SpotCount]:
        """Trips by where they began, none empty."""
        return await self._statistics.spots(window)

    async def busiest(self, window: Window) -> Sequence[PairCount]:
        """The pairs of spots with the most trips."""
        return await self._statistics.pairs(window, limit=PAIRS)

    async def slowest(self, window: Window) -> Sequence[PairCount]:
        """The pairs with the lowest speed, of those with :data:`MIN_PAIR_TRIPS` and more."""
        return await self._statistics.pairs(window, limit=PAIRS, at_least=MIN_PAIR_TRIPS, slowest=True)
