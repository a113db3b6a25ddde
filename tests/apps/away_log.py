"""A prediction log that can be away."""

from collections.abc import Sequence

from taxi_predictor.adapters.memory.predictions import MemoryPredictionLog
from taxi_predictor.domain.errors import Unavailable
from taxi_predictor.domain.record import PredictionRecord

__all__ = ["AwayLog"]


class AwayLog(MemoryPredictionLog):
    """Does not answer for as long as it is away, or answers and says that it did not."""

    def __init__(self) -> None:
        super().__init__()
        self.is_away = False
        self.loses_answers = False

    async def add(self, records: Sequence[PredictionRecord], /) -> int:
        if self.is_away:
            raise Unavailable("it is away")
        added = await super().add(records)
        if self.loses_answers:
            raise Unavailable("its answer got lost")
        return added
