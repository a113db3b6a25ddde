"""Predictions and outcomes in dictionaries."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import islice

from taxi_predictor.domain.prediction_id import PredictionId
from taxi_predictor.domain.record import Outcome, PredictionRecord
from taxi_predictor.ports.outbound.outcomes import Attached, EndedPrediction, OutcomeLog
from taxi_predictor.ports.outbound.predictions import PredictionLog

__all__ = ["GROUP_RECORDS", "MemoryOutcomeLog", "MemoryPredictionLog"]

GROUP_RECORDS = 500


class MemoryPredictionLog(PredictionLog):
    def __init__(self) -> None:
        self.records: dict[PredictionId, PredictionRecord] = {}

    async def add(self, records: Sequence[PredictionRecord], /) -> int:
        before = len(self.records)
        for record in records:
            self.records.setdefault(record.prediction_id, record)
        return len(self.records) - before

    async def find(
        self, prediction_ids: Sequence[PredictionId], /
    ) -> Mapping[PredictionId, PredictionRecord]:
        return {found: self.records[found] for found in prediction_ids if found in self.records}

    async def between(
        self, since: datetime, until: datetime, /
    ) -> AsyncGenerator[Sequence[PredictionRecord], None]:
        within = sorted(
            (record for record in self.records.values() if since <= record.answered_at < until),
            key=lambda record: record.prediction_id,
        )
        for first in range(0, len(within), GROUP_RECORDS):
            yield within[first : first + GROUP_RECORDS]

    async def count(self) -> int:
        return len(self.records)


class MemoryOutcomeLog(OutcomeLog):
    """Joins its outcomes to the predictions of *log*."""

    def __init__(self, log: MemoryPredictionLog, *, group_records: int = GROUP_RECORDS) -> None:
        self._log = log
        self._group_records = group_records
        self.outcomes: dict[PredictionId, Outcome] = {}

    async def attach(self, outcomes: Sequence[Outcome], /) -> Sequence[Attached]:
        return [self._attach(outcome) for outcome in outcomes]

    def _attach(self, outcome: Outcome) -> Attached:
        known = self.outcomes.setdefault(outcome.prediction_id, outcome)
        if known is outcome:
            return Attached.NEW
        return Attached.KNOWN if known.says_the_same_as(outcome) else Attached.CONFLICT

    async def ended(
        self, since: datetime, until: datetime, /
    ) -> AsyncGenerator[Sequence[EndedPrediction], None]:
        within = [
            EndedPrediction(record=self._log.records[outcome.prediction_id], outcome=outcome)
            for outcome in self._in_order(since, until)
            if outcome.prediction_id in self._log.records
        ]
        for first in range(0, len(within), self._group_records):
            yield within[first : first + self._group_records]

    async def hours(self, since: datetime, until: datetime, /) -> Sequence[datetime]:
        hours = {
            outcome.reported_at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
            for outcome in self.outcomes.values()
            if since <= outcome.reported_at < until and outcome.prediction_id in self._log.records
        }
        return sorted(hours)

    async def orphans(self, since: datetime, until: datetime, /, *, limit: int) -> Sequence[Outcome]:
        alone = (
            outcome
            for outcome in self._in_order(since, until)
            if outcome.prediction_id not in self._log.records
        )
        return list(islice(alone, limit))

    async def count(self) -> int:
        return len(self.outcomes)

    def _in_order(self, since: datetime, until: datetime) -> Sequence[Outcome]:
        within = (outcome for outcome in self.outcomes.values() if since <= outcome.reported_at < until)
        return sorted(within, key=lambda found: (found.reported_at, found.prediction_id))
