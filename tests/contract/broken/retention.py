"""Adapters that break what Retention promises."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from contract.breaking import breaks
from taxi_predictor.adapters.memory.retention import MemoryRetention
from taxi_predictor.domain.prediction_id import PredictionId
from taxi_predictor.domain.record import PredictionRecord
from taxi_predictor.ports.outbound.retention import Forgotten
from taxi_predictor.ports.testing.records import a_record
from taxi_predictor.ports.testing.retention import RetentionContract


@breaks(RetentionContract, "test_what_is_old_is_pruned_with_its_outcome")
class PrunesWholeMonths(MemoryRetention):
    async def prune(self, before: datetime, /) -> Forgotten:
        return await super().prune(before.astimezone(UTC).replace(day=1, hour=0))


@breaks(RetentionContract, "test_an_outcome_without_its_prediction_is_pruned_by_its_id")
class PrunesOutcomesOfTheKnown(MemoryRetention):
    async def prune(self, before: datetime, /) -> Forgotten:
        return self._forget([record.prediction_id for record in self._answered(before)])


@breaks(RetentionContract, "test_what_was_pruned_can_be_written_again")
class RefusesWhatWasPruned(MemoryRetention):
    async def prune(self, before: datetime, /) -> Forgotten:
        forgotten = await super().prune(before)
        self._log.records = Remembering(self._log.records, a_record(1).prediction_id)
        return forgotten


class Remembering(dict[PredictionId, PredictionRecord]):
    def __init__(self, records: Mapping[PredictionId, PredictionRecord], pruned: PredictionId) -> None:
        super().__init__(records)
        self.pruned = pruned

    def setdefault(self, key: PredictionId, default: Any = None) -> Any:
        return default if key == self.pruned else super().setdefault(key, default)


@breaks(RetentionContract, "test_all_of_an_owner_or_a_reference_is_erased")
class TakesOneNameForBoth(MemoryRetention):
    def _meant(self, owner: str | None, reference: str | None) -> Sequence[PredictionId]:
        return super()._meant(owner, None if owner else reference)


@breaks(RetentionContract, "test_places_of_old_predictions_are_rounded")
class RoundsAgain(MemoryRetention):
    async def blur(self, before: datetime, /, *, digits: int) -> int:
        await super().blur(before, digits=digits)
        return len(self._answered(before))


@breaks(RetentionContract, "test_what_is_forgotten_has_no_shadow_any_more")
class LeavesShadows(MemoryRetention):
    def _forget(self, prediction_ids: Sequence[PredictionId]) -> Forgotten:
        scores = self._shadows.scores
        forgotten = super()._forget(prediction_ids)
        self._shadows.scores = scores
        return forgotten
