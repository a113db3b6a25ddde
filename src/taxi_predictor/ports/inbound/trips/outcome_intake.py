"""Outcomes become trips to learn from like any other, whenever their predictions come into the log."""

import asyncio
import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

from taxi_predictor.domain.errors import Refused, TaxiPredictorError
from taxi_predictor.domain.prediction_id import PredictionId
from taxi_predictor.domain.record import Outcome, source_of_hour
from taxi_predictor.ports.inbound.trips.intake import IngestReport, TripIntake
from taxi_predictor.ports.outbound.clock import Clock
from taxi_predictor.ports.outbound.outcomes import OutcomeLog
from taxi_predictor.ports.outbound.telemetry import LogTelemetry

__all__ = ["MARGIN", "MAX_ORPHANS", "ORPHANED_AFTER", "OutcomeIntake", "late_orphans"]

log = logging.getLogger(__name__)

ORPHANED_AFTER = timedelta(hours=1)
"""An outcome that has waited this long for its prediction to come into the log is reported."""
GIVEN_UP = timedelta(days=7)
"""An outcome is looked for no longer than this; a prediction that comes later is joined all the same."""
MAX_ORPHANS = 10_000
"""The most that are looked at together."""
FIRST_LOOK = timedelta(days=1)
"""How far back a process looks for outcomes when it starts."""
MARGIN = timedelta(minutes=5)
"""An outcome may be seen this much later than it was reported: it was being committed, by another clock."""


async def late_orphans(outcomes: OutcomeLog, now: datetime) -> Sequence[Outcome]:
    """Those that wait for their predictions longer than they should, at most :data:`MAX_ORPHANS`.

    Raises:
        Unavailable: the log does not answer.
    """
    return await outcomes.orphans(now - GIVEN_UP, now - ORPHANED_AFTER, limit=MAX_ORPHANS)


class OutcomeIntake:
    """Makes trips of reported outcomes *every* so often, and tells which wait too long; None: neither."""

    def __init__(
        self,
        *,
        outcomes: OutcomeLog,
        intake: TripIntake,
        telemetry: LogTelemetry,
        clock: Clock,
        every: timedelta | None,
    ) -> None:
        self._outcomes = outcomes
        self._intake = intake
        self._telemetry = telemetry
        self._clock = clock
        self._every = every
        self._looked_at: datetime | None = None
        self._alone: dict[PredictionId, datetime] = {}
        """When the outcomes were reported that had no prediction at the last look."""
        self._unseen_from: datetime | None = None
        """From when on others may have had none that were too many to be looked at; None: there were not."""
        self._told = 0

    async def take_in(self) -> IngestReport:
        """Make trips of what was reported since the last time, or has got its prediction since then.

        Whole hours are read again, which adds nothing twice, even in several processes at once. A new
        process looks a day back; an outcome that has waited a week for its prediction is given up.

        Raises:
            Unavailable: the log or the store does not answer; the next time begins where this one did.
        """
        now = self._clock.now()
        alone = {
            outcome.prediction_id: outcome.reported_at
            for outcome in await self._outcomes.orphans(now - GIVEN_UP, now, limit=MAX_ORPHANS)
        }
        hours = {source_of_hour(at) for found, at in self._alone.items() if found not in alone}
        since = now - FIRST_LOOK if self._looked_at is None else self._looked_at
        since = min(since, self._unseen_from or since)
        hours |= {source_of_hour(at) for at in await self._outcomes.hours(since, now)}
        total = IngestReport()
        for hour in sorted(hours):
            try:
                total += await self._intake.ingest(hour)
            except Refused as error:
                log.warning("outcomes.refused", extra={"source": hour, "reason": str(error)})
        self._looked_at, self._alone = now - MARGIN, alone
        self._unseen_from = max(alone.values()) if len(alone) == MAX_ORPHANS else None
        return total

    async def follow(self) -> None:
        """Take in for ever, as one process of each machine does; troubles are waited out."""
        while self._every is not None:
            try:
                report = await self.take_in()
                if report.added:
                    log.info("outcomes.learned", extra={"trips": report.added})
            except TaxiPredictorError as error:
                log.warning("outcomes.wait", extra={"reason": str(error)})
            await asyncio.sleep(self._every.total_seconds())

    async def tell_orphans(self) -> None:
        """Tell how many outcomes wait for their predictions for too long.

        Raises:
            Unavailable: the log does not answer.
        """
        late = await late_orphans(self._outcomes, self._clock.now())
        self._telemetry.orphaned(len(late))
        if len(late) > self._told:
            log.warning("outcomes.orphaned", extra={"outcomes": len(late)})
        self._told = len(late)

    async def watch(self) -> None:
        """Tell of orphans for ever, as every process does whose figures are read."""
        while self._every is not None:
            try:
                await self.tell_orphans()
            except TaxiPredictorError as error:
                log.info("outcomes.unwatched", extra={"reason": str(error)})
            await asyncio.sleep(self._every.total_seconds())
