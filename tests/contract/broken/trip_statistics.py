"""Adapters that break what TripStatistics promises."""

from collections.abc import Sequence
from dataclasses import replace

from contract.breaking import breaks
from taxi_predictor.adapters.memory.statistics import MemoryTripStatistics
from taxi_predictor.adapters.memory.trips import MemoryTripStore
from taxi_predictor.domain.city import City, PlausibilityBounds
from taxi_predictor.domain.traffic import DurationCounts, HourCount, PairCount, SpotCount, Window
from taxi_predictor.ports.testing.trip_statistics import TripStatisticsContract


@breaks(TripStatisticsContract, "test_of_nothing_nothing_is_told")
class NothingIsZero(MemoryTripStatistics):
    async def durations(self, window: Window, /) -> DurationCounts:
        counts = await super().durations(window)
        return replace(counts, median_s=counts.median_s or 0.0)


@breaks(TripStatisticsContract, "test_days_are_those_of_the_city_by_family")
@breaks(TripStatisticsContract, "test_only_what_is_in_the_window_counts")
class CountsInUtc(MemoryTripStatistics):
    def __init__(self, trips: MemoryTripStore, city: City) -> None:
        super().__init__(trips, replace(city, time_zone="UTC"))


@breaks(TripStatisticsContract, "test_hours_follow_each_other_from_monday_on")
class SundayFirst(MemoryTripStatistics):
    async def hours(self, window: Window, /) -> Sequence[HourCount]:
        return sorted(await super().hours(window), key=lambda count: ((count.weekday + 1) % 7, count.hour))


@breaks(TripStatisticsContract, "test_a_speed_is_of_believable_metered_distances")
class BelievesEveryMeter(MemoryTripStatistics):
    def __init__(self, trips: MemoryTripStore, city: City) -> None:
        super().__init__(trips, replace(city, plausibility=PlausibilityBounds(max_speed_km_h=1e9)))


@breaks(TripStatisticsContract, "test_durations_are_counted_by_the_minute")
class AFullMinuteIsTheNext(MemoryTripStatistics):
    async def durations(self, window: Window, /) -> DurationCounts:
        counts = await super().durations(window)
        return replace(counts, by_minute=(0, *counts.by_minute[:-1]))


@breaks(TripStatisticsContract, "test_a_spot_is_a_zone_or_a_cell")
class ForgetsCells(MemoryTripStatistics):
    async def spots(self, window: Window, /) -> Sequence[SpotCount]:
        return [count for count in await super().spots(window) if count.spot >= 0]


@breaks(TripStatisticsContract, "test_pairs_come_by_their_trips")
class ForgetsTheLimit(MemoryTripStatistics):
    async def pairs(
        self, window: Window, /, *, limit: int, at_least: int = 1, slowest: bool = False
    ) -> Sequence[PairCount]:
        return await super().pairs(window, limit=99, at_least=at_least, slowest=slowest)


@breaks(TripStatisticsContract, "test_the_slowest_pairs_are_those_of_the_lowest_speed")
class TheBusiestAreTheSlowest(MemoryTripStatistics):
    async def pairs(
        self, window: Window, /, *, limit: int, at_least: int = 1, slowest: bool = False
    ) -> Sequence[PairCount]:
        return await super().pairs(window, limit=limit, at_least=at_least)


@breaks(TripStatisticsContract, "test_what_was_stored_before_a_question_counts")
class CountsOnce(MemoryTripStatistics):
    counted: DurationCounts | None = None

    async def durations(self, window: Window, /) -> DurationCounts:
        self.counted = self.counted or await super().durations(window)
        return self.counted
