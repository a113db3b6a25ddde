"""What did trips like this one take? Found among the stored ones."""

import asyncio
import heapq
from collections.abc import Iterator
from contextlib import aclosing
from datetime import UTC, datetime, timedelta

from taxi_predictor.domain.city import City
from taxi_predictor.domain.comparables import Comparable, Comparables, Likeness, box_around
from taxi_predictor.domain.errors import Invalid
from taxi_predictor.domain.possibility import refuse_impossible
from taxi_predictor.domain.trip import TripBatch, TripPlan
from taxi_predictor.ports.outbound.clock import Clock
from taxi_predictor.ports.outbound.trips import TripStore

__all__ = ["MAX_TRIPS", "ComparableTrips"]

REACHES_KM = (0.5, 1.0, 2.0, 4.0)
QUARTER = timedelta(days=91)
RECENT_QUARTERS = 8
MAX_CANDIDATES = 50_000
MAX_TRIPS = 1_000

Window = tuple[datetime | None, datetime]


class ComparableTrips:
    def __init__(self, *, trips: TripStore, clock: Clock, city: City) -> None:
        self._trips = trips
        self._clock = clock
        self._city = city

    async def like(self, plan: TripPlan, k: int = 20) -> Comparables:
        """The *k* stored trips most similar to *plan*, fewer where there are no more.

        Looked at are those that begin and end within 0.5 km to each side of its ends and were picked up
        in the two years before; where these are fewer than *k*, within 1, 2, then 4 km, and at last
        those of all years. Only trips count that ended before *plan* departs, and before now. The newest
        50,000 are looked at where there are more, and no more than *k* of them are kept in memory.

        Raises:
            InvalidTrip: a place is outside the city, or the departure beyond its calendar.
            Invalid: *k* is not between 1 and 1,000.
            Unavailable: the store does not answer.
        """
        refuse_impossible(plan, self._city)
        if not 1 <= k <= MAX_TRIPS:
            raise Invalid(f"between 1 and {MAX_TRIPS:,} similar trips can be found, not {k:,}")
        before = min(plan.pickup_at, self._clock.now()).astimezone(UTC)
        *recent, older = _windows(before)
        for reach_km in REACHES_KM:
            best = _Best(plan, k, before, self._city)
            for window in recent:
                await self._read(best, reach_km, window)
            if best.considered >= k:
                return best.found()
        await self._read(best, REACHES_KM[-1], older)
        return best.found()

    async def _read(self, best: "_Best", reach_km: float, window: Window) -> None:
        """Show *best* the trips of *window* until it has seen enough."""
        if best.has_seen_enough():
            return
        pickup, dropoff = best.plan.pickup.point, best.plan.dropoff.point
        batches = self._trips.between(
            *window, pickup_in=box_around(pickup, reach_km), dropoff_in=box_around(dropoff, reach_km)
        )
        async with aclosing(batches) as reading:
            async for batch in reading:
                await asyncio.to_thread(best.look_at, batch)
                if best.has_seen_enough():
                    return


class _Best:
    """The *k* best of all trips it was shown, in a heap with the worst of them on top."""

    def __init__(self, plan: TripPlan, k: int, before: datetime, city: City) -> None:
        self.plan = plan
        self.considered = 0
        self._likeness = Likeness(plan, city.tz)
        self._k = k
        self._before = before
        self._heap: list[tuple[float, str, Comparable]] = []

    def has_seen_enough(self) -> bool:
        return self.considered >= MAX_CANDIDATES

    def look_at(self, batch: TripBatch) -> None:
        for trip in batch:
            if trip.ended_at >= self._before:
                continue
            if self.has_seen_enough():
                return
            self.considered += 1
            candidate = self._likeness.to(trip)
            entry = (-candidate.score, trip.trip_id, candidate)
            if len(self._heap) < self._k:
                heapq.heappush(self._heap, entry)
            elif entry > self._heap[0]:
                heapq.heapreplace(self._heap, entry)

    def found(self) -> Comparables:
        best_first = (candidate for _, _, candidate in sorted(self._heap, reverse=True))
        return Comparables(trips=tuple(best_first), considered=self.considered)


def _windows(before: datetime) -> Iterator[Window]:
    """The two years before, by quarters, newest first; then all that is older."""
    until = before
    for _ in range(RECENT_QUARTERS):
        yield until - QUARTER, until
        until -= QUARTER
    yield None, until
