"""Trips in memory, counted."""

from collections.abc import Sequence

from taxi_predictor.adapters.columns.statistics import CountedTrips
from taxi_predictor.adapters.memory.trips import MemoryTripStore
from taxi_predictor.domain.city import City
from taxi_predictor.domain.traffic import DayCount, DurationCounts, HourCount, PairCount, SpotCount, Window
from taxi_predictor.ports.outbound.statistics import TripStatistics

__all__ = ["MemoryTripStatistics"]


class MemoryTripStatistics(TripStatistics):
    def __init__(self, trips: MemoryTripStore, city: City) -> None:
        self._trips = trips
        self._city = city

    async def days(self, window: Window, /) -> Sequence[DayCount]:
        return self._counted.days(window)

    async def hours(self, window: Window, /) -> Sequence[HourCount]:
        return self._counted.hours(window)

    async def durations(self, window: Window, /) -> DurationCounts:
        return self._counted.durations(window)

    async def spots(self, window: Window, /) -> Sequence[SpotCount]:
        return self._counted.spots(window)

    async def pairs(
        self, window: Window, /, *, limit: int, at_least: int = 1, slowest: bool = False
    ) -> Sequence[PairCount]:
        return self._counted.pairs(window, limit=limit, at_least=at_least, slowest=slowest)

    @property
    def _counted(self) -> CountedTrips:
        return CountedTrips(CountedTrips.columns(self._trips.all, self._city))
