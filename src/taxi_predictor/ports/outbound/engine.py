"""Learning from trips, and opening what was learned."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from taxi_predictor.domain.city import City
from taxi_predictor.domain.model import DurationModel, ModelArtifact
from taxi_predictor.domain.split import TimeSplit
from taxi_predictor.domain.trip import TripBatch
from taxi_predictor.ports.outbound.progress import Progress

__all__ = ["ModelLoader", "ModelTrainer", "TrainingData"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingData:
    """Trips before ``split.held_out_from``, oldest first, that may be more than memory holds."""

    city: City
    split: TimeSplit
    batches: Sequence[TripBatch]
    """Each is read from where it lies whenever it is asked for, in any thread: hold one at a time."""
    trips: int
    """How many there are, without reading any."""
    sources: tuple[str, ...]
    recipe: Mapping[str, str | int | float] = field(default_factory=dict)
    """The recipe to train by, as in a manifest; what it leaves out is the trainer's choice."""


class ModelTrainer(Protocol):
    """Learns from trips and writes what it learned into a folder."""

    @abstractmethod
    async def fit(self, data: TrainingData, folder: Path, /, *, progress: Progress) -> ModelArtifact:
        """Train on *data* and write the artifact into the empty *folder*.

        The same data and seed give the same model. The event loop stays free meanwhile.

        Raises:
            NotEnoughTrips: a window holds too few trips to learn or calibrate from.
        """
        ...


class ModelLoader(Protocol):
    """Opens the model in such a folder."""

    @abstractmethod
    def open(self, folder: Path, /) -> DurationModel:
        """Load the artifact in *folder* after checking every file against its manifest.

        Raises:
            BrokenModel: a file is missing or altered, or the format is not one this code serves.
        """
        ...

    @abstractmethod
    def open_spare(self, folder: Path, /) -> DurationModel:
        """Load the simple model that came with the one in *folder*, of which no other file is looked at.

        Raises:
            BrokenModel: there is none, or it or the manifest is missing or altered.
        """
        ...
