"""Keeping the live level: measured from trips that ended, and shared by all workers."""

import asyncio
from contextlib import suppress
from datetime import datetime, timedelta

from taxi_predictor.domain.errors import TaxiPredictorError, Unavailable
from taxi_predictor.domain.level import MEMORY, STALE_AFTER, Ended, LevelTracker, LiveLevel
from taxi_predictor.domain.model import ModelVersion
from taxi_predictor.domain.record import AnswerSource
from taxi_predictor.domain.residuals import ended_by
from taxi_predictor.ports.inbound.answers.ladder import Ladder
from taxi_predictor.ports.outbound.clock import Clock
from taxi_predictor.ports.outbound.level import LevelStore
from taxi_predictor.ports.outbound.shelf import ServedModel
from taxi_predictor.ports.outbound.trips import TripStore

__all__ = ["LiveLevelling"]


LOAD_EVERY_S = 5.0
"""How soon a level that another process measured, or that of a new champion, is in the answers."""


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

    async def load_if_it_can_be(self) -> None:
        """As :meth:`load`, for who answers without a level where none can be had, as a server does."""
        with suppress(Unavailable):
            await self.load()

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
            spoken = await asyncio.to_thread(ended_by, served.model, batch)
            ended += (trip for trip in spoken if trip.ended_s <= now.timestamp())
        level = await asyncio.to_thread(LevelTracker(reference).advance, now, ended)
        await self._levels.save(served.version, level)
        return await self.load()

    async def follow(self, *, measuring: bool = True) -> None:
        """Load for ever what was measured of the champion; where nobody has for a while, measure it here.

        Without *measuring* nothing is measured, or written, here. Troubles are waited out: a service
        without a store, or without a champion yet, goes on. What could not be saved is measured again when
        it would have been anyway, for all trips of eight weeks are read.
        """
        tried: tuple[ModelVersion | None, datetime] | None = None
        while self._every is not None:
            try:
                level, version, now = await self.load(), self._ladder.serving().version, self._clock.now()
                is_due = level is None or now - level.as_of >= self._every
                was_tried = tried is not None and tried[0] == version and now - tried[1] < self._every
                if measuring and is_due and not was_tried:
                    tried = version, now
                    await self.refresh()
                if not (is_due and was_tried):  # else what kept the level away then still does
                    self._trouble = None
            except TaxiPredictorError as error:
                self._trouble = str(error)  # what is loaded goes on, and says how old it is
            await asyncio.sleep(min(self._every.total_seconds(), LOAD_EVERY_S))
