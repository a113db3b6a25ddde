"""Simple methods that every trained model has to beat on the same trips."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Protocol

from taxi_predictor.domain.arithmetic import Column
from taxi_predictor.domain.trip import PlanBatch
from taxi_predictor.ports.outbound.engine import TrainingData
from taxi_predictor.ports.outbound.progress import Progress

__all__ = ["Baseline", "BaselineTrainer"]


class Baseline(Protocol):
    """A method that answers one number per trip."""

    @property
    @abstractmethod
    def name(self) -> str:
        """In words, such as ``shrunk lookup``; equal from training to training."""
        ...

    @abstractmethod
    def duration_s(self, plans: PlanBatch, /) -> Column:
        """Positive, finite seconds, one per plan in their order; safe to call from any thread."""
        ...


class BaselineTrainer(Protocol):
    """Learns the simple methods that a model has to beat."""

    @abstractmethod
    async def fit(self, data: TrainingData, /, *, progress: Progress) -> Sequence[Baseline]:
        """Learn each method from all of *data* (fit and validation windows), weakest first.

        The same data give the same baselines. The event loop stays free meanwhile.

        Raises:
            NotEnoughTrips: there is no trip to learn from.
        """
        ...
