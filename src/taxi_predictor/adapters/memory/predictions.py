"""Predictions and outcomes in dictionaries, and a spool that is a list."""

from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice

from taxi_predictor.domain.errors import StorageFull
from taxi_predictor.domain.model import ModelVersion
from taxi_predictor.domain.place import Place, Point
from taxi_predictor.domain.prediction_id import PredictionId, predicted_at
from taxi_predictor.domain.record import Outcome, PredictionRecord, ShadowScore
from taxi_predictor.ports.outbound.predictions import (
    Attached,
    EndedPrediction,
    OutcomeLog,
    PredictionLog,
    PredictionSpool,
    SpoolPart,
    SpoolState,
)
from taxi_predictor.ports.outbound.retention import Forgotten, Retention
from taxi_predictor.ports.outbound.shadows import EndedShadow, ShadowLog

__all__ = [
    "MemoryOutcomeLog",
    "MemoryPredictionLog",
    "MemoryPredictionSpool",
    "MemoryRetention",
    "MemoryShadowLog",
]

GROUP_RECORDS = 500
RECORD_BYTES = 250
"""About what one takes elsewhere: so that a bound in bytes means something here."""


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


class MemoryShadowLog(ShadowLog):
    """Joins its scores to what ended by *outcomes*."""

    def __init__(self, outcomes: MemoryOutcomeLog) -> None:
        self._outcomes = outcomes
        self.scores: dict[tuple[PredictionId, ModelVersion], ShadowScore] = {}

    async def add(self, scores: Sequence[ShadowScore], /) -> int:
        before = len(self.scores)
        for score in scores:
            self.scores.setdefault((score.prediction_id, score.version), score)
        return len(self.scores) - before

    async def ended(
        self, version: ModelVersion, since: datetime, until: datetime, /
    ) -> AsyncGenerator[Sequence[EndedShadow], None]:
        async for group in self._outcomes.ended(since, until):
            scored = [
                EndedShadow(ended=one, score=self.scores[one.record.prediction_id, version])
                for one in group
                if (one.record.prediction_id, version) in self.scores
            ]
            if scored:
                yield scored

    def forget(self, prediction_ids: AbstractSet[PredictionId]) -> None:
        self.scores = {key: score for key, score in self.scores.items() if key[0] not in prediction_ids}


class MemoryRetention(Retention):
    def __init__(
        self, log: MemoryPredictionLog, outcomes: MemoryOutcomeLog, shadows: MemoryShadowLog
    ) -> None:
        self._log = log
        self._outcomes = outcomes
        self._shadows = shadows

    async def ended(
        self, *, owner: str | None = None, reference: str | None = None
    ) -> AsyncGenerator[Sequence[EndedPrediction], None]:
        ended = [
            EndedPrediction(record=self._log.records[found], outcome=self._outcomes.outcomes[found])
            for found in self._meant(owner, reference)
            if found in self._outcomes.outcomes
        ]
        for first in range(0, len(ended), GROUP_RECORDS):
            yield ended[first : first + GROUP_RECORDS]

    async def prune(self, before: datetime, /) -> Forgotten:
        known = {
            *self._log.records,
            *self._outcomes.outcomes,
            *(score.prediction_id for score in self._shadows.scores.values()),
        }
        return self._forget([found for found in known if predicted_at(found) < before])

    async def erase(self, *, owner: str | None = None, reference: str | None = None) -> Forgotten:
        return self._forget(self._meant(owner, reference))

    async def blur(self, before: datetime, /, *, digits: int) -> int:
        blurred = 0
        for record in self._answered(before):
            plan = record.plan
            rounded = replace(
                plan, pickup=_rounded(plan.pickup, digits), dropoff=_rounded(plan.dropoff, digits)
            )
            if rounded != plan:
                self._log.records[record.prediction_id] = replace(record, plan=rounded)
                blurred += 1
        return blurred

    def _meant(self, owner: str | None, reference: str | None) -> Sequence[PredictionId]:
        if owner is reference is None:
            return []
        return [
            record.prediction_id
            for record in self._log.records.values()
            if owner in (None, record.owner) and reference in (None, record.reference)
        ]

    def _answered(self, before: datetime) -> Sequence[PredictionRecord]:
        return [record for record in self._log.records.values() if record.answered_at < before]

    def _forget(self, prediction_ids: Sequence[PredictionId]) -> Forgotten:
        records, outcomes, gone = self._log.records, self._outcomes.outcomes, set(prediction_ids)
        self._shadows.forget(gone)
        return Forgotten(
            predictions=sum(records.pop(found, None) is not None for found in prediction_ids),
            outcomes=sum(outcomes.pop(found, None) is not None for found in prediction_ids),
        )


def _rounded(place: Place, digits: int) -> Place:
    point = place.point
    return replace(place, point=Point(round(point.lat_deg, digits), round(point.lon_deg, digits)))


class MemoryPredictionSpool(PredictionSpool):
    """Of one process, so that nobody ever finds what another left behind."""

    def __init__(self, max_bytes: int = 1 << 30) -> None:
        self._max_records = max_bytes // RECORD_BYTES
        self._damaged = 0
        self._waiting: list[PredictionRecord] = []
        self._held: list[PredictionRecord] = []

    def append(self, records: Sequence[PredictionRecord], /) -> None:
        if len(self._waiting) + len(self._held) + len(records) > self._max_records:
            raise StorageFull("the spool is full")
        self._waiting += records

    def take(self) -> SpoolPart | None:
        if self._held or not self._waiting:
            return None
        self._held, self._waiting = self._waiting, []
        return _Part(self)

    def state(self) -> SpoolState:
        waiting = [*self._held, *self._waiting]
        return SpoolState(
            size_bytes=RECORD_BYTES * len(waiting),
            oldest_at=min((record.answered_at for record in waiting), default=None),
            damaged=self._damaged,
        )

    def hand_over(self) -> None:
        pass  # nothing here outlives the process, nor is there another

    def close(self) -> None:
        self._waiting, self._held = [*self._held, *self._waiting], []


class _Part(SpoolPart):
    def __init__(self, spool: MemoryPredictionSpool) -> None:
        self._spool = spool
        self._records = spool._held  # noqa: SLF001 # a part of it

    def records(self) -> Iterator[Sequence[PredictionRecord]]:
        for first in range(0, len(self._records), GROUP_RECORDS):
            yield self._records[first : first + GROUP_RECORDS]

    def remove(self) -> None:
        if self._is_held:
            self._spool._held = []  # noqa: SLF001

    def set_aside(self) -> None:
        if self._is_held:
            self._spool._damaged += 1  # noqa: SLF001
            self._spool._held = []  # noqa: SLF001

    @property
    def is_latest(self) -> bool:
        return True

    def put_back(self) -> None:
        if self._is_held:
            self._spool._waiting[:0] = self._records  # noqa: SLF001
            self._spool._held = []  # noqa: SLF001

    @property
    def _is_held(self) -> bool:
        return self._spool._held is self._records  # noqa: SLF001
