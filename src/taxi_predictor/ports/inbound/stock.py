"""What is stored: for those who run the service, and for whoever wants to know what it learned from."""

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from taxi_predictor.domain.city import City
from taxi_predictor.domain.plausibility import Rejection
from taxi_predictor.ports.inbound.feedback import Feedback, Tally
from taxi_predictor.ports.inbound.intake import StoredTrips, TripIntake
from taxi_predictor.ports.outbound.clock import Clock
from taxi_predictor.ports.outbound.places import ZoneStore
from taxi_predictor.ports.outbound.trips import (
    Ingest,
    IngestLog,
    PartName,
    Quarantine,
    RejectBatch,
    TripStore,
)

__all__ = ["COUNTED_EVERY", "Stock", "StockCount"]

COUNTED_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class StockCount:
    counted_at: datetime
    stored: StoredTrips
    newest_day: date | None
    """The local day of the newest trip; None without any."""
    zones: int
    log: Tally


class Stock:
    """Counts at most once a minute: it takes a look at every trip, and many may ask."""

    def __init__(
        self,
        *,
        intake: TripIntake,
        feedback: Feedback,
        trips: TripStore,
        ingest_log: IngestLog,
        quarantine: Quarantine,
        zones: ZoneStore,
        clock: Clock,
        city: City,
    ) -> None:
        self._intake = intake
        self._feedback = feedback
        self._trips = trips
        self._ingest_log = ingest_log
        self._quarantine = quarantine
        self._zones = zones
        self._clock = clock
        self._city = city
        self._turn = asyncio.Lock()
        self._last: StockCount | None = None

    async def count(self) -> StockCount:
        """What was stored at most a minute ago.

        Raises:
            Unavailable: a store does not answer.
        """
        async with self._turn:
            now = self._clock.now()
            if self._last is None or now - self._last.counted_at >= COUNTED_EVERY:
                days = await self._trips.days(self._city.time_zone, None)
                self._last = StockCount(
                    counted_at=now,
                    stored=await self._intake.stored(),
                    newest_day=days[-1][0] if days else None,
                    zones=len(await self._zones.zones() or ()),
                    log=await self._feedback.tally(),
                )
            return self._last

    async def ingests(self, limit: int) -> Sequence[Ingest]:
        """The *limit* parts that were stored last, newest first.

        Raises:
            Unavailable: the store does not answer.
        """
        return await self._ingest_log.ingests(limit=limit)

    async def samples(self, reason: Rejection, limit: int) -> Sequence[tuple[PartName, RejectBatch]]:
        """At most *limit* of the rows that were refused for *reason*, by part.

        Raises:
            Unavailable: the store does not answer.
        """
        found: list[tuple[PartName, RejectBatch]] = []
        async with aclosing(self._quarantine.rejects(reason=reason)) as batches:
            async for part, batch in batches:
                wanted = limit - sum(len(rows) for _, rows in found)
                found.append((part, RejectBatch(batch.table.slice(0, wanted))))
                if wanted <= len(batch):
                    break
        return found
