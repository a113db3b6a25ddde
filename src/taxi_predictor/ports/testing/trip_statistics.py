"""The contract of TripStatistics: trips are counted as the city sees them, and none is left out."""

from abc import abstractmethod
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest

from taxi_predictor.domain.place import Place, Point, ZoneId
from taxi_predictor.domain.traffic import (
    MINUTES,
    DayCount,
    SpotCount,
    Window,
    cell_bounds,
)
from taxi_predictor.domain.trip import FinishedTrip
from taxi_predictor.ports.outbound.sources import PartName
from taxi_predictor.ports.outbound.statistics import TripStatistics
from taxi_predictor.ports.outbound.trips import TripStore
from taxi_predictor.ports.testing.samples import NOON, a_trip
from taxi_predictor.ports.testing.tables import TableMaker, stream

__all__ = ["TripStatisticsContract"]

SUNDAY = date(2023, 1, 15)
"""The day of NOON, in the city."""
SAME_EVENING = NOON + timedelta(hours=10)
"""22:00 in the city, and another day in UTC."""
NEXT_DAY = NOON + timedelta(days=1)
A, B = "family-a", "family-b"


def a_way(
    number: int,
    pickup: int,
    dropoff: int,
    *,
    at: datetime = NOON,
    duration_s: float = 600.0,
    km: float | None = 2.0,
) -> FinishedTrip:
    """A trip from zone to zone."""
    trip = a_trip(number, at=at, duration_s=duration_s)
    begin, end = (Place(Point(40.75, -73.98), ZoneId(zone)) for zone in (pickup, dropoff))
    plan = replace(trip.plan, pickup=begin, dropoff=end)
    return replace(trip, plan=plan, metered_distance_km=km)


class TripStatisticsContract(TableMaker, of=TripStatistics):
    @abstractmethod
    def open(self) -> AbstractAsyncContextManager[tuple[TripStore, TripStatistics]]:
        """An empty store and what counts its trips, in the city of the samples; fresh each time."""

    async def add(self, store: TripStore, *trips: FinishedTrip, family: str = A) -> None:
        part = PartName(family=family, name=f"{family} {[trip.trip_id for trip in trips]}")
        await store.add(part, stream(self.clean_batch(trips)))

    async def test_of_nothing_nothing_is_told(self) -> None:
        """No zero, and no invented number."""
        async with self.open() as (_, statistics):
            everything = Window()
            assert list(await statistics.days(everything)) == []
            assert list(await statistics.hours(everything)) == []
            assert list(await statistics.spots(everything)) == []
            assert list(await statistics.pairs(everything, limit=5)) == []
            counts = await statistics.durations(everything)
            assert (counts.trips, sum(counts.by_minute), counts.median_s, counts.speed_km_h) == (
                0,
                0,
                None,
                None,
            )

    async def test_days_are_those_of_the_city_by_family(self) -> None:
        """An evening that is another day in UTC is not one here."""
        async with self.open() as (store, statistics):
            await self.add(store, a_trip(1), a_trip(2, at=SAME_EVENING), a_trip(3, at=NEXT_DAY))
            await self.add(store, a_trip(4), family=B)
            assert list(await statistics.days(Window())) == [
                DayCount(day=SUNDAY, family=A, trips=2),
                DayCount(day=SUNDAY, family=B, trips=1),
                DayCount(day=date(2023, 1, 16), family=A, trips=1),
            ]

    @pytest.mark.parametrize(
        "case",
        [
            (Window(first=SUNDAY, last=SUNDAY), 3),
            (Window(first=date(2023, 1, 16)), 1),
            (Window(last=date(2023, 1, 14)), 0),
            (Window(family=B), 1),
            (Window(hour=22), 1),
            (Window(is_weekend=True), 3),
            (Window(is_weekend=False, hour=12, family=A), 1),
        ],
    )
    async def test_only_what_is_in_the_window_counts(self, case: tuple[Window, int]) -> None:
        """Its last day is part of it; hours and weekdays are those of the city's clocks."""
        window, counted = case
        async with self.open() as (store, statistics):
            await self.add(store, a_trip(1), a_trip(2, at=SAME_EVENING), a_trip(3, at=NEXT_DAY))
            await self.add(store, a_trip(4), family=B)
            assert (await statistics.durations(window)).trips == counted
            assert sum(count.trips for count in await statistics.days(window)) == counted
            assert sum(count.trips for count in await statistics.hours(window)) == counted
            assert sum(count.trips for count in await statistics.spots(window)) == counted
            assert sum(count.trips for count in await statistics.pairs(window, limit=9)) == counted

    async def test_hours_follow_each_other_from_monday_on(self) -> None:
        """Each with its trips and its speed."""
        async with self.open() as (store, statistics):
            await self.add(store, a_way(1, 1, 2, km=6.0), a_way(2, 1, 2, km=2.0), a_way(3, 1, 2, at=NEXT_DAY))
            found = await statistics.hours(Window())
            assert [(count.weekday, count.hour, count.trips) for count in found] == [(0, 12, 1), (6, 12, 2)]
            assert [count.speed_km_h for count in found] == pytest.approx([12.0, 24.0])

    async def test_a_speed_is_of_believable_metered_distances(self) -> None:
        """Trips without one, with none at all, or with one that no car drives, count as trips only."""
        async with self.open() as (store, statistics):
            distances_km = (5.0, None, 0.0, 580_000.0)
            trips = [a_way(n, 1, 2, km=km) for n, km in enumerate(distances_km, 1)]
            await self.add(store, *trips)
            counts = await statistics.durations(Window())
            assert counts.trips == 4
            assert counts.speed_km_h == pytest.approx(30.0)
            await self.add(store, a_way(9, 7, 8, km=None))
            assert SpotCount(spot=7, trips=1, speed_km_h=None) in await statistics.spots(Window())

    async def test_durations_are_counted_by_the_minute(self) -> None:
        """A full minute belongs to the one it ends; two hours and more are the last one."""
        async with self.open() as (store, statistics):
            durations_s = (60.0, 61.0, 120.0, 600.0, 10_000.0)
            await self.add(store, *(a_trip(n, duration_s=s) for n, s in enumerate(durations_s, 1)))
            counts = await statistics.durations(Window())
            by_minute = {minute: trips for minute, trips in enumerate(counts.by_minute) if trips}
            assert len(counts.by_minute) == MINUTES
            assert by_minute == {0: 1, 1: 2, 9: 1, MINUTES - 1: 1}
            assert counts.median_s == pytest.approx(120.0)
            assert counts.p10_s == pytest.approx(60.4)
            assert counts.p90_s == pytest.approx(6240.0)

    async def test_a_spot_is_a_zone_or_a_cell(self) -> None:
        """A cell is a hundredth of a degree, and says where it is."""
        async with self.open() as (store, statistics):
            nowhere = replace(a_trip(2).plan, pickup=Place(Point(40.7561, -73.9849)))
            await self.add(store, a_trip(1), replace(a_trip(2), plan=nowhere))
            found = await statistics.spots(Window())
            assert [(count.spot == 161, count.trips) for count in found] == [(False, 1), (True, 1)]
            cell = found[0]
            bounds = cell_bounds(cell.spot)
            assert bounds is not None
            assert (bounds.south_deg, bounds.west_deg) == pytest.approx((40.75, -73.99))
            assert (bounds.north_deg, bounds.east_deg) == pytest.approx((40.76, -73.98))

    async def test_pairs_come_by_their_trips(self) -> None:
        """The most first, of equals the lower number; no more than were asked for."""
        async with self.open() as (store, statistics):
            twice = [a_way(1, 5, 6, duration_s=300.0), a_way(2, 5, 6, duration_s=900.0)]
            await self.add(store, *twice, a_way(3, 4, 6), a_way(4, 3, 6))
            found = await statistics.pairs(Window(), limit=2)
            assert [(pair.pickup, pair.dropoff, pair.trips) for pair in found] == [(5, 6, 2), (3, 6, 1)]
            assert [pair.median_s for pair in found] == pytest.approx([600.0, 600.0])
            assert [pair.speed_km_h for pair in found] == pytest.approx([12.0, 12.0])
            assert len(await statistics.pairs(Window(), limit=2, at_least=2)) == 1

    async def test_the_slowest_pairs_are_those_of_the_lowest_speed(self) -> None:
        """Not who has none, and not who ends where it began: that may be a round trip."""
        async with self.open() as (store, statistics):
            slow, slower = a_way(1, 1, 2, km=3.0), a_way(2, 1, 3, km=1.0)
            await self.add(store, slow, slower, a_way(3, 1, 4, km=None), a_way(4, 5, 5, km=0.5))
            found = await statistics.pairs(Window(), limit=9, slowest=True)
            assert [(pair.pickup, pair.dropoff) for pair in found] == [(1, 3), (1, 2)]

    async def test_what_was_stored_before_a_question_counts(self) -> None:
        """Also where the same was asked before."""
        async with self.open() as (store, statistics):
            for number in (1, 2, 3):
                await self.add(store, a_trip(number))
                assert (await statistics.durations(Window())).trips == number
