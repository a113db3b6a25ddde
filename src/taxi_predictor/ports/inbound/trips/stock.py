"""What is stored, for those who run the service or want to know what it learned from."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from taxi_predictor.domain.city import City
from taxi_predictor.domain.plausibility import Rejection
from taxi_predictor.ports.inbound.trips.outcome_intake import late_orphans
from taxi_predictor.ports.outbound.clock import Clock
from taxi_predictor.ports.outbound.outcomes import OutcomeLog
from taxi_predictor.ports.outbound.predictions import PredictionLog
from taxi_predictor.ports.outbound.sources import PartName, RejectBatch
from taxi_predictor.ports.outbound.trips import (
    Ingest,
    IngestLog,
    Quarantine,
    RejectCount,
    TripCount,
    TripStore,
)
from taxi_predictor.ports.outbound.zones import ZoneStore

__all__ = ["LogCount", "Stock", "StockCount", "StoredTrips"]

COUNTED_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredTrips:
    trips: Sequence[TripCount]
    rejects: Sequence[RejectCount]


@dataclass(frozen=True, slots=True, kw_only=True)
class LogCount:
    """What the logs hold."""

    predictions: int
    outcomes: int
    orphans: int
    """Outcomes that wait for their predictions longer than they should; no more than
    :data:`~taxi_predictor.ports.inbound.trips.outcome_intake.MAX_ORPHANS`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StockCount:
    counted_at: datetime
    stored: StoredTrips
    newest_day: date | None
    """The local day of the newest trip; None without any."""
    zones: int
    log: LogCount


class Stock:
    """All raise Unavailable when a store does not answer."""

    def __init__(
        self,
        *,
        trips: TripStore,
        ingest_log: IngestLog,
        quarantine: Quarantine,
        zones: ZoneStore,
        predictions: PredictionLog,
        outcomes: OutcomeLog,
        clock: Clock,
        city: City,
    ) -> None:
        self._trips = trips
        self._ingest_log = ingest_log
        self._quarantine = quarantine
        self._zones = zones
        self._predictions = predictions
        self._outcomes = outcomes
        self._clock = clock
        self._city = city
        self._turn = asyncio.Lock()
        self._last: StockCount | None = None

    async def count(self) -> StockCount:
        """What was stored at most a minute ago: it takes a look at every trip, and many may ask."""
        async with self._turn:
            now = self._clock.now()
            if self._last is None or now - self._last.counted_at >= COUNTED_EVERY:
                days = await self._trips.days(self._city.time_zone, None)
                self._last = StockCount(
                    counted_at=now,
                    stored=await self.stored(),
                    newest_day=days[-1][0] if days else None,
                    zones=len(await self._zones.zones() or ()),
                    log=await self.log(),
                )
            return self._last

    async def stored(self) -> StoredTrips:
        """Counts as of now: trips by family and month, refused rows by part and reason."""
        return StoredTrips(trips=await self._trips.counts(), rejects=await self._quarantine.counts())

    async def log(self) -> LogCount:
        """What is kept of answers, and of what became of the trips, as of now."""
        orphans = await late_orphans(self._outcomes, self._clock.now())
        return LogCount(
            predictions=await self._predictions.count(),
            outcomes=await self._outcomes.count(),
            orphans=len(orphans),
        )

    async def ingests(self, limit: int) -> Sequence[Ingest]:
        """The *limit* parts that were stored last, newest first."""
        return await self._ingest_log.ingests(limit=limit)

    def rejects(
        self, *, reason: Rejection | None = None
    ) -> AsyncGenerator[tuple[PartName, RejectBatch], None]:
        """Yield the rows that were refused, all or those for one *reason*, as the quarantine does."""
        return self._quarantine.rejects(reason=reason)

    async def samples(self, reason: Rejection, limit: int) -> Sequence[tuple[PartName, RejectBatch]]:
        """At most *limit* of the rows that were refused for *reason*, by part."""
        found: list[tuple[PartName, RejectBatch]] = []
        async with aclosing(self.rejects(reason=reason)) as batches:
            async for part, batch in batches:
                wanted = limit - sum(len(rows) for _, rows in found)
                found.append((part, RejectBatch(batch.table.slice(0, wanted))))
                if wanted <= len(batch):
                    break
        return found
