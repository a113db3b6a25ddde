"""The zone table as requests see it: never waited for once read, and never much older than the store's."""

import asyncio
from datetime import datetime, timedelta

from taxi_predictor.domain.errors import NoZones, Unavailable
from taxi_predictor.domain.place import Place, ZoneId, ZoneTable
from taxi_predictor.ports.outbound.clock import Clock
from taxi_predictor.ports.outbound.zones import ZoneStore

__all__ = ["MAX_AGE", "MIN_AGE", "KnownZones"]

MAX_AGE = timedelta(seconds=60)
"""A table looked up longer ago is looked up anew, while it answers."""
MIN_AGE = timedelta(seconds=5)
"""For an unknown zone nobody looks again sooner: a wrong id in every request costs the store nothing."""


class KnownZones:
    """Remembers the table of a store.

    A zone that is known costs no question to the store: its place is that of the last look, and a look
    older than :data:`MAX_AGE` is renewed behind the answer. For a zone that is not known the store is
    asked before the answer, at most every :data:`MIN_AGE`. So zones that are new are found after
    5 s at the latest, and those that were replaced by the first request that comes 60 s after the last
    look or later, for the next ones. While the store does not answer, the table last seen serves on.
    """

    def __init__(self, zones: ZoneStore, clock: Clock) -> None:
        self._zones = zones
        self._clock = clock
        self._table: ZoneTable | None = None
        self._looked_at: datetime | None = None
        self._trouble: Unavailable | None = None
        self._looking: asyncio.Task[None] | None = None

    async def place(self, zone: ZoneId) -> Place:
        """The centroid of *zone*.

        Raises:
            UnknownZone: no such zone.
            NoZones: no zone table was ever remembered.
            Unavailable: the store does not answer, and never did.
        """
        if self._table is not None and zone not in self._table.zones and self._is_older_than(MIN_AGE):
            await self._look()
        return (await self.table()).place(zone)

    async def table(self) -> ZoneTable:
        """The whole table.

        Raises:
            NoZones: no zone table was ever remembered.
            Unavailable: the store does not answer, and never did.
        """
        if self._table is None:
            if self._is_older_than(MIN_AGE):
                await self._look()
        elif self._is_older_than(MAX_AGE):
            _ = self._begin_to_look()
        if self._table is not None:
            return self._table
        if self._trouble is not None:
            raise self._trouble
        raise NoZones(
            "places can't be given by zone id: no zone table is known; ingest once with --zones FILE"
        )

    def _is_older_than(self, age: timedelta) -> bool:
        return self._looked_at is None or self._clock.now() - self._looked_at >= age

    async def _look(self) -> None:
        # Whoever else wants to know waits for the same look, which goes on if this request is given up.
        await asyncio.shield(self._begin_to_look())

    def _begin_to_look(self) -> asyncio.Task[None]:
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._ask())
        return self._looking

    async def _ask(self) -> None:
        try:
            self._table = await self._zones.zones()
            self._trouble = None
        except Unavailable as error:
            self._trouble = error
        # A look in vain counts as well, for the table at hand; where there is none, the next one looks.
        if self._trouble is None or self._table is not None:
            self._looked_at = self._clock.now()
