"""Keeping every answered prediction for later use."""

from abc import abstractmethod
from collections.abc import AsyncGenerator, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from taxi_predictor.domain.prediction_id import PredictionId
from taxi_predictor.domain.record import PredictionRecord

__all__ = ["PredictionLog"]


class PredictionLog(Protocol):
    """Every answered prediction, once."""

    @abstractmethod
    async def add(self, records: Sequence[PredictionRecord], /) -> int:
        """Keep *records*, all or none, and return how many were new.

        One whose id is known changes nothing: the first write wins, so that adding again is harmless,
        from several processes at once too.

        Raises:
            Unavailable: the log does not answer; what was added is unknown, and adding again settles it.
            StorageFull: there is no room; nothing was added.
        """
        ...

    @abstractmethod
    async def find(
        self, prediction_ids: Sequence[PredictionId], /
    ) -> Mapping[PredictionId, PredictionRecord]:
        """The records of those of *prediction_ids* that are known.

        Raises:
            Unavailable: the log does not answer.
        """
        ...

    @abstractmethod
    def between(
        self, since: datetime, until: datetime, /
    ) -> AsyncGenerator[Sequence[PredictionRecord], None]:
        """Yield what was answered from *since* up to, not including, *until*, by id, in bounded memory.

        Whoever leaves early closes it, with :func:`contextlib.aclosing`.

        Raises:
            Unavailable: the log does not answer.
        """
        ...

    @abstractmethod
    async def count(self) -> int:
        """How many predictions are kept.

        Raises:
            Unavailable: the log does not answer.
        """
        ...
