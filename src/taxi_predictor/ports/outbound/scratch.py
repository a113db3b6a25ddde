"""Room on disk for the trips of one training."""

from abc import abstractmethod
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from pathlib import Path
from typing import Protocol

from taxi_predictor.domain.trip import TripBatch
from taxi_predictor.ports.outbound.trips import TripStore

__all__ = ["TripScratch"]


class TripScratch(Protocol):
    """What is laid here is gone when the context ends, and after a crash when the next one begins."""

    @abstractmethod
    def store(self) -> AbstractAsyncContextManager[TripStore]:
        """An empty store, for trips that are learned from and not kept.

        As :class:`~taxi_predictor.ports.outbound.trips.TripStore` says; but of rows that were refused
        nothing is kept, whoever wants to know counts them.

        Raises:
            StorageFull: there is no room.
            Unavailable: nothing can be laid there, for another reason.
        """
        ...

    @abstractmethod
    def keep(self, batches: AsyncIterator[TripBatch], /) -> AbstractAsyncContextManager[Sequence[TripBatch]]:
        """Read *batches* to their end; inside, their rows are there as often as wanted.

        In the same order, cut at the same rows however they came, and no batch is empty: each may be asked
        for alone, in any thread, and is read when it is. What *batches* raises comes out, and nothing of
        them is left.

        Raises:
            StorageFull: there is no room.
            Unavailable: nothing can be laid there, for another reason.
        """
        ...

    @abstractmethod
    def room(self) -> AbstractContextManager[Path]:
        """An empty folder of one's own, which goes with whatever was laid into it.

        Where several machines work together, all of them see it.

        Raises:
            StorageFull: there is no room.
            Unavailable: nothing can be laid there, for another reason.
        """
        ...
