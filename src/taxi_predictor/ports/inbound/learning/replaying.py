"""Past trips with the live level that was known when each of them began."""

import asyncio
import heapq
from bisect import bisect_left
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from itertools import groupby, islice

from taxi_predictor.domain.city import City
from taxi_predictor.domain.evaluation import Evaluation, Tally
from taxi_predictor.domain.level import MEMORY, Ended, LevelTracker, LiveLevel
from taxi_predictor.domain.model import DurationModel
from taxi_predictor.domain.residuals import ended_by
from taxi_predictor.domain.trip import TripBatch
from taxi_predictor.ports.inbound.learning.scores import score
from taxi_predictor.ports.outbound.progress import Progress
from taxi_predictor.ports.outbound.trips import TripStore

__all__ = ["replay", "replayed_tally"]


async def replayed_tally(
    trips: TripStore,
    model: DurationModel,
    city: City,
    since: datetime,
    until: datetime | None,
    *,
    progress: Progress,
) -> Tally:
    """Count the answers of *model* on the stored trips from *since* up to, not including, *until*.

    The level begins with the trips of the eight weeks before *since*, which are not counted. No answer
    knows a trip that ended after its departure.
    """
    evaluation = Evaluation(city)
    with progress.step("replay the live level") as step:
        async for piece, level in replay(model, trips.between(since - MEMORY, until), since):
            await asyncio.to_thread(score, evaluation, model, piece, level=level)
            step.advance(len(piece))
    return evaluation.overall


async def replay(
    model: DurationModel, batches: AsyncIterator[TripBatch], since: datetime
) -> AsyncIterator[tuple[TripBatch, LiveLevel | None]]:
    """Yield the trips from *since* on, in pieces, each with the last full hour's level before they left.

    *batches* are ordered by pickup and should begin :data:`~taxi_predictor.domain.level.MEMORY`
    earlier. No level knows a trip that ended after the departures it is given with.
    """
    reference = model.manifest.level_reference
    if not reference:
        async for batch in batches:
            for piece in _from(batch, since):
                yield piece, None
        return
    tracker = LevelTracker(reference)
    under_way: list[Ended] = []  # a heap: the next to end comes first
    level: LiveLevel | None = None
    async for batch in batches:
        spoken = iter(await asyncio.to_thread(ended_by, model, batch))
        for piece in _by_hour(batch):
            first: datetime = next(iter(piece.table.get_column("pickup_at")))
            as_of = _hour_before(first)
            if level is None or as_of > level.as_of:
                level = tracker.advance(as_of, _pop_until(under_way, as_of.timestamp()))
            for departing in _from(piece, since):
                yield departing, level
            for trip in islice(spoken, len(piece)):
                heapq.heappush(under_way, trip)


def _pop_until(under_way: list[Ended], now_s: float) -> Iterator[Ended]:
    while under_way and under_way[0].ended_s <= now_s:
        yield heapq.heappop(under_way)


def _hour_before(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def _by_hour(batch: TripBatch) -> Iterator[TripBatch]:
    """Cut *batch*, which is ordered by pickup, at the full hours."""
    hours = [_hour_before(at) for at in batch.table.get_column("pickup_at")]
    start = 0
    for _, of_hour in groupby(hours):
        trips = sum(1 for _ in of_hour)
        yield TripBatch(batch.table.slice(start, trips))
        start += trips


def _from(batch: TripBatch, since: datetime) -> Iterator[TripBatch]:
    """The part of *batch*, which is ordered by pickup, that left from *since* on; nothing if none did."""
    start = bisect_left(list(batch.table.get_column("pickup_at")), since)
    if start < len(batch):
        yield TripBatch(batch.table.slice(start, len(batch) - start))
