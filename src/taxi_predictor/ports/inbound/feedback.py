"""How predicted trips really went: taken in for good, and then trips to learn from like any other."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from taxi_predictor.domain.city import City
from taxi_predictor.domain.errors import (
    ConflictingOutcome,
    Invalid,
    InvalidPredictionId,
    Refused,
    TaxiPredictorError,
    Unavailable,
)
from taxi_predictor.domain.hindsight import CLOCKS_DIFFER_BY, refuse_implausible
from taxi_predictor.domain.prediction_id import PredictionId, predicted_at
from taxi_predictor.domain.record import OUTCOMES, Outcome, PredictionRecord
from taxi_predictor.ports.inbound.intake import IngestReport, TripIntake
from taxi_predictor.ports.outbound.clock import Clock
from taxi_predictor.ports.outbound.predictions import Attached, OutcomeLog, PredictionLog
from taxi_predictor.ports.outbound.telemetry import LogTelemetry

__all__ = ["MAX_ORPHANS", "ORPHANED_AFTER", "Feedback", "Report", "Reported", "Tally", "source_of_hour"]

log = logging.getLogger(__name__)

ORPHANED_AFTER = timedelta(hours=1)
"""So long an outcome waits for its prediction to come into the log before somebody is told."""
PATIENCE_S = 5.0
"""Whoever reports waits no longer than this."""
GIVEN_UP = timedelta(days=7)
"""An outcome whose prediction has not come by then is not looked for any more; it is joined all the same."""
MAX_ORPHANS = 10_000
"""More are not looked at together."""
FIRST_LOOK = timedelta(days=1)
"""So far back a process looks for outcomes when it starts."""
MARGIN = timedelta(minutes=5)
"""An outcome may be seen this much later than it was reported: it was being committed, by another clock."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What somebody says of a trip."""

    prediction_id: PredictionId
    duration_s: float
    pickup_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported:
    """A report that is kept for good."""

    outcome: Outcome
    is_new: bool
    """Whether nobody had said so before."""
    is_early: bool
    """Whether the log does not know the prediction, or not yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What the logs hold."""

    predictions: int
    outcomes: int
    orphans: int
    """Outcomes that wait for their predictions longer than they should; no more than :data:`MAX_ORPHANS`."""


def source_of_hour(at: datetime) -> str:
    """The name of the source, and of its only part, that holds what was reported in the hour of *at*."""
    return f"{OUTCOMES}:{at.astimezone(UTC):%Y-%m-%dT%H}"


class Feedback:
    """Takes in outcomes, and *every* so often makes trips of them; None: it does not.

    Args:
        kept_for: how long predictions are; None: for ever.
    """

    def __init__(
        self,
        *,
        predictions: PredictionLog,
        outcomes: OutcomeLog,
        intake: TripIntake,
        telemetry: LogTelemetry,
        clock: Clock,
        city: City,
        every: timedelta | None,
        kept_for: timedelta | None = None,
    ) -> None:
        self._predictions = predictions
        self._outcomes = outcomes
        self._intake = intake
        self._telemetry = telemetry
        self._clock = clock
        self._city = city
        self._every = every
        self._kept_for = kept_for
        self._looked_at: datetime | None = None
        self._alone: dict[PredictionId, datetime] = {}
        """When the outcomes were reported that had no prediction at the last look."""
        self._told = 0

    async def report(
        self, reports: Sequence[Report], *, owner: str
    ) -> Sequence[Reported | Invalid | ConflictingOutcome]:
        """Keep each of *reports*, or say why not; one that is wrong spoils no other.

        Of a prediction that is not known yet only what can be told without it is looked at. Its outcome
        is kept, and judged once it is to become a trip.

        Raises:
            Unavailable: the log does not answer; what was kept is unknown, and reporting again settles it.
        """
        if not reports:
            return []
        try:
            async with asyncio.timeout(PATIENCE_S):
                return await self._report(reports, owner)
        except TimeoutError as error:
            raise Unavailable(f"no word from the log within {PATIENCE_S:g} s") from error

    async def _report(
        self, reports: Sequence[Report], owner: str
    ) -> Sequence[Reported | Invalid | ConflictingOutcome]:
        now = self._clock.now()
        known = await self._predictions.find([report.prediction_id for report in reports])
        judged = [
            self._judged(report, known.get(report.prediction_id), now=now, owner=owner) for report in reports
        ]
        fit = [outcome for outcome in judged if isinstance(outcome, Outcome)]
        attached = iter(await self._outcomes.attach(fit) if fit else ())
        return [
            _told(outcome, next(attached), is_early=outcome.prediction_id not in known)
            if isinstance(outcome, Outcome)
            else outcome
            for outcome in judged
        ]

    async def tally(self) -> Tally:
        """Count what is kept.

        Raises:
            Unavailable: the log does not answer.
        """
        now = self._clock.now()
        orphans = await self._outcomes.orphans(now - GIVEN_UP, now - ORPHANED_AFTER, limit=MAX_ORPHANS)
        return Tally(
            predictions=await self._predictions.count(),
            outcomes=await self._outcomes.count(),
            orphans=len(orphans),
        )

    async def take_in(self) -> IngestReport:
        """Make trips of what was reported since the last time, or has got its prediction since then.

        Whole hours are read again. That adds nothing twice, in several processes at once neither. A new
        process looks a day back, and whoever waits for a prediction for a week is given up.

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
        hours |= {source_of_hour(at) for at in await self._outcomes.hours(since, now)}
        total = IngestReport()
        for hour in sorted(hours):
            try:
                total += await self._intake.ingest(hour)
            except Refused as error:
                log.warning("outcomes.refused", extra={"source": hour, "reason": str(error)})
        self._looked_at, self._alone = now - MARGIN, alone
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
        now = self._clock.now()
        late = await self._outcomes.orphans(now - GIVEN_UP, now - ORPHANED_AFTER, limit=MAX_ORPHANS)
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

    def _judged(
        self, report: Report, record: PredictionRecord | None, *, now: datetime, owner: str
    ) -> Outcome | Invalid:
        try:
            if record is None:
                self._refuse_unknowable(report.prediction_id, now)
            outcome = Outcome(
                prediction_id=report.prediction_id,
                duration_s=report.duration_s,
                pickup_at=report.pickup_at,
                reported_at=now,
                owner=owner,
            )
            refuse_implausible(outcome, record.plan if record else None, self._city)
        except Invalid as error:
            return error
        return outcome

    def _refuse_unknowable(self, prediction_id: PredictionId, now: datetime) -> None:
        """Refuse the name of a prediction that the log does not know and will not."""
        made_at = predicted_at(prediction_id)
        if made_at > now + CLOCKS_DIFFER_BY:
            raise InvalidPredictionId(
                f"{prediction_id} is the name of a prediction that was not made yet", part="prediction_id"
            )
        if self._kept_for is not None and made_at < now - self._kept_for:
            raise InvalidPredictionId(
                f"{prediction_id} was made more than {self._kept_for.days} days ago: it is not kept any more",
                part="prediction_id",
            )


def _told(outcome: Outcome, attached: Attached, *, is_early: bool) -> Reported | ConflictingOutcome:
    if attached is Attached.CONFLICT:
        return ConflictingOutcome(
            f"another outcome of {outcome.prediction_id} was reported before, and it stands"
        )
    return Reported(outcome=outcome, is_new=attached is Attached.NEW, is_early=is_early)
