"""Searching for a better recipe within a given time, and remembering what was tried."""

from abc import abstractmethod
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from taxi_predictor.ports.outbound.engine import TrainingData
from taxi_predictor.ports.outbound.progress import Progress

__all__ = ["RecipeTuner", "Trial", "TrialStore"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A recipe and how it did on the validation window, of which it has learned nothing."""

    recipe: Mapping[str, str | int | float]
    loss: float
    """Mean absolute error of ln(seconds)."""


class RecipeTuner(Protocol):
    """Looks for a better recipe to train by."""

    @abstractmethod
    def trials(
        self, data: TrainingData, tried: Sequence[Trial], /, *, budget_s: float, progress: Progress
    ) -> AsyncIterator[Trial]:
        """Try recipes on *data* until *budget_s* seconds have passed, and yield each once it is measured.

        The first of all is the trainer's own. It goes on after *tried*, in the same order whatever the
        budget was; at least one trial is yielded where none was tried. Held-out trips are not in
        *data*, so no trial can see them. The event loop stays free meanwhile.

        Raises:
            NotEnoughTrips: a window holds too few trips.
        """
        ...


class TrialStore(Protocol):
    """Trials by the data that they were made with."""

    @abstractmethod
    async def add(self, key: str, trial: Trial, /) -> None:
        """Keep *trial*, after those of the same key.

        Raises:
            Unavailable: it cannot be kept, as where there is no room (StorageFull); the former stand.
        """
        ...

    @abstractmethod
    async def trials(self, key: str, /) -> Sequence[Trial]:
        """Those of *key* in the order in which they were kept; none of a key that is not known."""
        ...
