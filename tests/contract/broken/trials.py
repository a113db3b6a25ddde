"""Adapters that break what TrialStore promises."""

from collections.abc import Sequence

from contract.breaking import breaks
from taxi_predictor.adapters.memory.trials import MemoryTrialStore
from taxi_predictor.ports.outbound.tuning import Trial
from taxi_predictor.ports.testing.trials import TrialStoreContract


@breaks(TrialStoreContract, "test_of_what_was_never_tried_there_is_nothing")
class KeepsAllTrialsTogether(MemoryTrialStore):
    async def trials(self, key: str, /) -> Sequence[Trial]:
        return [trial for trials in self._trials.values() for trial in trials]


@breaks(TrialStoreContract, "test_trials_come_back_as_they_were_kept")
class KeepsTheBestFirst(MemoryTrialStore):
    async def trials(self, key: str, /) -> Sequence[Trial]:
        return sorted(await super().trials(key), key=lambda trial: trial.loss)
