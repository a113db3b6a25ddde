"""What challengers would have answered, in a dictionary."""

from collections.abc import AsyncGenerator, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime

from taxi_predictor.adapters.memory.predictions import MemoryOutcomeLog
from taxi_predictor.domain.model import ModelVersion
from taxi_predictor.domain.prediction_id import PredictionId
from taxi_predictor.domain.record import ShadowScore
from taxi_predictor.ports.outbound.shadows import EndedShadow, ShadowLog

__all__ = ["MemoryShadowLog"]


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
