"""Forgetting: what is older than it should be, and what belongs to one owner or rider."""

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime, timedelta

from taxi_predictor.domain.errors import Invalid
from taxi_predictor.domain.record import OUTCOMES, source_of_hour
from taxi_predictor.domain.trip import TripId, named_trip_id
from taxi_predictor.ports.inbound.answers.shipping import SpoolShipping
from taxi_predictor.ports.inbound.trips.intake import TripIntake
from taxi_predictor.ports.outbound.clock import Clock
from taxi_predictor.ports.outbound.outcomes import EndedPrediction
from taxi_predictor.ports.outbound.retention import Forgotten, Retention
from taxi_predictor.ports.outbound.spool import PredictionSpool
from taxi_predictor.ports.outbound.trips import Quarantine, TripErasure

__all__ = ["Erased", "LogRetention", "Pruned"]

BLURRED_DIGITS = 3
"""Of degrees: about a hundred metres."""
SPOOL_TRIES = 30
SPOOL_PAUSE_S = 1.0
TRIPS_AT_ONCE = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruned:
    """What became of old predictions."""

    forgotten: Forgotten
    blurred: int
    """Of how many the places were rounded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Erased:
    """What was erased."""

    predictions: int
    outcomes: int
    trips: int
    """Those to learn from that had been made of the outcomes."""
    is_all_shipped: bool
    """False: a spool on this machine still held older records, and some may have been among them."""


class LogRetention:
    def __init__(
        self,
        *,
        retention: Retention,
        trips: TripErasure,
        quarantine: Quarantine,
        intake: TripIntake,
        spool: PredictionSpool,
        shipping: SpoolShipping,
        clock: Clock,
    ) -> None:
        self._retention = retention
        self._trips = trips
        self._quarantine = quarantine
        self._intake = intake
        self._spool = spool
        self._shipping = shipping
        self._clock = clock

    async def prune(self, *, keep_for: timedelta | None, blur_after: timedelta | None) -> Pruned:
        """Remove the predictions older than *keep_for*, with their outcomes; round the places of others.

        None: that is not done. Trips to learn from stay, as all trips do. Repeating it is harmless.

        Raises:
            Unavailable: the log does not answer; what was done so far stays done.
        """
        now = self._clock.now()
        forgotten, blurred = Forgotten(predictions=0, outcomes=0), 0
        if keep_for is not None:
            before = now - keep_for
            forgotten = await self._retention.prune(before)
            await self._clear_quarantine(lambda part: part < source_of_hour(before))
        if blur_after is not None:
            blurred = await self._retention.blur(now - blur_after, digits=BLURRED_DIGITS)
        return Pruned(forgotten=forgotten, blurred=blurred)

    async def erase(self, *, owner: str | None = None, reference: str | None = None) -> Erased:
        """Remove what was answered to *owner*, or about *reference*, or both where both are named.

        That is predictions, their outcomes, the trips that were made of those, and rows of such that are in
        the quarantine. What still waited on this machine to come into the log is brought there first.

        Raises:
            Invalid: neither is named.
            Unavailable: something does not answer; repeating it does what was not done.
        """
        if owner is None and reference is None:
            raise Invalid("name the owner or the reference whose predictions are to be erased")
        began = self._clock.now()
        is_all_shipped = await self._ship_until(began)
        keys: list[tuple[datetime, TripId]] = []
        hours: set[str] = set()
        trips = 0
        async with aclosing(self._retention.ended(owner=owner, reference=reference)) as groups:
            async for group in groups:
                named = [_key(ended) for ended in group]
                # Before their outcomes: what is erased only in part is found again.
                trips += await self._trips.erase(named)
                keys += named
                hours |= {source_of_hour(ended.outcome.reported_at) for ended in group}
        forgotten = await self._retention.erase(owner=owner, reference=reference)
        # Once more: a service may just have made trips of them again.
        for first in range(0, len(keys), TRIPS_AT_ONCE):
            trips += await self._trips.erase(keys[first : first + TRIPS_AT_ONCE])
        await self._clear_quarantine(hours.__contains__)
        return Erased(
            predictions=forgotten.predictions,
            outcomes=forgotten.outcomes,
            trips=trips,
            is_all_shipped=is_all_shipped,
        )

    async def _ship_until(self, began: datetime) -> bool:
        """Whether no spool of this machine holds a record from before *began* any more.

        Those of services that run are emptied by them, within moments where the log is there.
        """
        for attempt in range(SPOOL_TRIES):
            if attempt:
                await asyncio.sleep(SPOOL_PAUSE_S)
            await self._shipping.ship()
            state = await asyncio.to_thread(self._spool.state)
            if state.oldest_at is None or state.oldest_at > began:
                return True
        return False

    async def _clear_quarantine(self, is_meant: Callable[[str], bool]) -> None:
        """Read the parts again of which rows were refused: rows whose outcome is gone go too."""
        parts = {
            count.part.name for count in await self._quarantine.counts() if count.part.family == OUTCOMES
        }
        for part in sorted(filter(is_meant, parts)):
            await self._intake.ingest(part, max_reject_share=1.0)


def _key(ended: EndedPrediction) -> tuple[datetime, TripId]:
    return ended.pickup_at, named_trip_id(OUTCOMES, ended.record.prediction_id)
