"""Taking in outcomes: how long predicted trips really took."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from taxi_predictor.domain.city import City
from taxi_predictor.domain.errors import ConflictingOutcome, Invalid, InvalidPredictionId, Unavailable
from taxi_predictor.domain.hindsight import CLOCKS_DIFFER_BY, refuse_implausible
from taxi_predictor.domain.prediction_id import PredictionId, predicted_at
from taxi_predictor.domain.record import Outcome, PredictionRecord
from taxi_predictor.ports.outbound.clock import Clock
from taxi_predictor.ports.outbound.outcomes import Attached, OutcomeLog
from taxi_predictor.ports.outbound.predictions import PredictionLog

__all__ = ["Feedback", "Report", "Reported"]

PATIENCE_S = 5.0
"""Whoever reports waits no longer than this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a caller reports of a trip."""

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


class Feedback:
    """Takes in outcomes; what becomes of them is for :class:`~.outcome_intake.OutcomeIntake`.

    Args:
        kept_for: how long predictions are; None: for ever.
    """

    def __init__(
        self,
        *,
        predictions: PredictionLog,
        outcomes: OutcomeLog,
        clock: Clock,
        city: City,
        kept_for: timedelta | None = None,
    ) -> None:
        self._predictions = predictions
        self._outcomes = outcomes
        self._clock = clock
        self._city = city
        self._kept_for = kept_for

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
