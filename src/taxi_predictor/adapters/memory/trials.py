"""Trials of recipes in a dictionary."""

from collections import defaultdict
from collections.abc import Sequence

from taxi_predictor.ports.outbound.tuning import Trial, TrialStore

__all__ = ["MemoryTrialStore"]


class MemoryTrialStore(TrialStore):
    def __init__(self) -> None:
        self._trials: dict[str, list[Trial]] = defaultdict(list)

    async def add(self, key: str, trial: Trial, /) -> None:
        self._trials[key].append(trial)

    async def trials(self, key: str, /) -> Sequence[Trial]:
        return list(self._trials[key])
