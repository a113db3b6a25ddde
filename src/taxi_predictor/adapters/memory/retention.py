"""Forgetting what is in dictionaries."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace
from datetime import datetime

from taxi_predictor.adapters.memory.predictions import GROUP_RECORDS, MemoryOutcomeLog, MemoryPredictionLog
from taxi_predictor.adapters.memory.shadows import MemoryShadowLog
from taxi_predictor.domain.place import Place, Point
from taxi_predictor.domain.prediction_id import PredictionId, predicted_at
from taxi_predictor.domain.record import PredictionRecord
from taxi_predictor.ports.outbound.outcomes import EndedPrediction
from taxi_predictor.ports.outbound.retention import Forgotten, Retention

__all__ = ["MemoryRetention"]


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
