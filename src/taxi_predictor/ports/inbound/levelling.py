"""Keeping the live level: measured from trips that ended, shared by all workers, replayed on past ones."""

import asyncio
import heapq
from bisect import bisect_left
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from itertools import groupby, islice

from taxi_predictor.domain.errors import TaxiPredictorError
from taxi_predictor.domain.level import MEMORY, STALE_AFTER, Ended, LevelTracker, LiveLevel
from taxi_predictor.domain.model import DurationModel, ModelVersion
from taxi_predictor.domain.record import AnswerSource
from taxi_predictor.domain.residuals import ended_trips
from taxi_predictor.domain.trip import TripBatch
from taxi_predictor.ports.inbound.ladder import Ladder
from taxi_predictor.ports.outbound.clock import Clock
from taxi_predictor.ports.outbound.level import LevelStore
from taxi_predictor.ports.outbound.models import ServedModel
from taxi_predictor.ports.outbound.trips import TripStore

__all__ = ["LEVEL_STEP", "LiveLevelling", "replay"]

LEVEL_STEP = timedelta(hours=1)
"""Between two levels of a replay: a trip is answered with the last one before its departure."""


class LiveLevelling:
    """The level that answers are given with, measured *every* so often; None: there is none.

    A process keeps the level it loaded last: when the store is away, answers go on with it until it
    is a week old, and without any from then on.
    """

    def __init__(
        self,
        *,
        trips: TripStore,
        ladder: Ladder,
        levels: LevelStore,
        clock: Clock,
        every: timedelta | None,
    ) -> None:
        self._trips = trips
        self._ladder = ladder
        self._levels = levels
        self._clock = clock
        self._every = every
        self._loaded: tuple[ModelVersion, LiveLevel | None] | None = None
        self._trouble: str | None = None

    @property
    def is_on(self) -> bool:
        return self._every is not None

    def current(self, served: ServedModel) -> LiveLevel | None:
        """The level loaded last, if it was measured against *served*, by any trip, and is not stale."""
        if self._loaded is None or self._loaded[0] != served.version:
            return None
        if served.source is not AnswerSource.CHAMPION:  # the version may be its own, the answer is not
            return None
        level = self._loaded[1]
        if level is None or not level.trips or self._clock.now() - level.as_of > STALE_AFTER:
            return None
        return level

    def trouble(self, served: ServedModel) -> str | None:
        """What keeps the level from answers by *served*; None where they have one, or nobody measures it."""
        if self._trouble is None or self.current(served) is not None:
            return None
        return f"without the live level: {self._trouble}"

    async def load(self) -> LiveLevel | None:
        """Take the champion's newest level from the store; None if there is none, or the level is off.

        Raises:
            NoChampion: no model was promoted yet, and nobody may stand in.
            Unavailable: the store does not answer; the level loaded before goes on.
        """
        served = self._ladder.serving()
        if self._every is None or served.version is None or served.source is not AnswerSource.CHAMPION:
            return None
        self._loaded = (served.version, await self._levels.level(served.version))
        return self._loaded[1]

    async def refresh(self) -> LiveLevel | None:
        """Measure the level now from the stored trips of the last eight weeks, save and load it.

        None if the level is off or the champion has no reference for one. Repeating it is harmless,
        in several processes too: the same trips give the same level.

        Raises:
            NoChampion: no model was promoted yet, and nobody may stand in.
            Unavailable: the store does not answer; the level loaded before goes on.
        """
        served = self._ladder.serving()
        reference = served.manifest.level_reference
        if self._every is None or served.version is None or served.source is not AnswerSource.CHAMPION:
            return None
        if not reference:
            return None
        now = self._clock.now()
        ended: list[Ended] = []
        async for batch in self._trips.between(now - MEMORY, now):
            spoken = await asyncio.to_thread(_ended, served.model, batch)
            ended += (trip for trip in spoken if trip.ended_s <= now.timestamp())
        level = await asyncio.to_thread(LevelTracker(reference).advance, now, ended)
        await self._levels.save(served.version, level)
        return await self.load()

    async def follow(self) -> None:
        """Refresh for ever, unless another process did so a while ago; then load its level.

        Troubles are waited out: a service without a store, or without a champion yet, goes on.
        """
        while self._every is not None:
            try:
                level = await self.load()
                if level is None or self._clock.now() - level.as_of >= self._every:
                    await self.refresh()
                self._trouble = None
            except TaxiPredictorError as error:
                self._trouble = str(error)  # what is loaded goes on, and says how old it is
            await asyncio.sleep(self._every.total_seconds())


async def replay(
    model: DurationModel, batches: AsyncIterator[TripBatch], since: datetime
) -> AsyncIterator[tuple[TripBatch, LiveLevel | None]]:
    """Yield the trips from *since* on, in pieces, each with the level as it was when they left.

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
        spoken = iter(await asyncio.to_thread(_ended, model, batch))
        for piece in _by_step(batch):
            first: datetime = next(iter(piece.table.get_column("pickup_at")))
            as_of = _step_before(first)
            if level is None or as_of > level.as_of:
                level = tracker.advance(as_of, _pop_until(under_way, as_of.timestamp()))
            for departing in _from(piece, since):
                yield departing, level
            for trip in islice(spoken, len(piece)):
                heapq.heappush(under_way, trip)


def _ended(model: DurationModel, batch: TripBatch) -> list[Ended]:
    return ended_trips(batch, model.estimate_batch(batch.plans))


def _pop_until(under_way: list[Ended], now_s: float) -> Iterator[Ended]:
    while under_way and under_way[0].ended_s <= now_s:
        yield heapq.heappop(under_way)


def _step_before(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def _by_step(batch: TripBatch) -> Iterator[TripBatch]:
    """Cut *batch*, which is ordered by pickup, at the full hours."""
    steps = [_step_before(at) for at in batch.table.get_column("pickup_at")]
    start = 0
    for _, of_step in groupby(steps):
        trips = sum(1 for _ in of_step)
        yield TripBatch(batch.table.slice(start, trips))
        start += trips


def _from(batch: TripBatch, since: datetime) -> Iterator[TripBatch]:
    """The part of *batch*, which is ordered by pickup, that left from *since* on; nothing if none did."""
    start = bisect_left(list(batch.table.get_column("pickup_at")), since)
    if start < len(batch):
        yield TripBatch(batch.table.slice(start, len(batch) - start))
