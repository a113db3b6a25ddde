"""Training models, keeping their versions, and having one at hand to serve."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from taxi_predictor.domain.city import City
from taxi_predictor.domain.evaluation import BaselineScores, Scores
from taxi_predictor.domain.model import DurationModel, Manifest, ModelArtifact, ModelVersion
from taxi_predictor.domain.record import AnswerSource
from taxi_predictor.domain.split import TimeSplit
from taxi_predictor.domain.trip import TripBatch
from taxi_predictor.domain.verdict import Verdict
from taxi_predictor.ports.outbound.progress import Progress

__all__ = [
    "Alias",
    "ModelLoader",
    "ModelRegistry",
    "ModelReport",
    "ModelShelf",
    "ModelTrainer",
    "RegisteredModel",
    "ServedModel",
    "TrainingData",
]


class Alias(StrEnum):
    CHAMPION = "champion"
    """Serves."""
    CHALLENGER = "challenger"
    """Passed its judgement and may be promoted."""
    PREVIOUS = "previous"
    """Served before the champion; a rollback brings it back."""


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
    """That of a manifest to train by; what it does not say is up to the trainer."""


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
    """Makes a model that answers of such a folder."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelReport:
    """What is kept with a version about how good it is."""

    held_out: Scores
    slices: Mapping[str, Scores]
    verdict: Verdict
    calibration: tuple[float, ...] = ()
    """The share of held-out trips within their quantile, at each of
    :data:`~taxi_predictor.domain.curves.LEVELS`; empty in reports of earlier releases."""
    mae_by_hour_s: tuple[float | None, ...] = ()
    """Of the local day; None where no trip left."""
    baselines: Mapping[str, BaselineScores] = field(default_factory=dict)
    """What simple methods did on the same trips, by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredModel:
    version: ModelVersion
    aliases: frozenset[Alias]
    registered_at: datetime
    manifest: Manifest
    report: ModelReport


class ModelRegistry(Protocol):
    """Every version ever registered; the aliases say what each is for."""

    @abstractmethod
    async def register(self, artifact: ModelArtifact, report: ModelReport, /) -> ModelVersion:
        """Keep a copy of *artifact* with its report; versions count up from 1.

        Raises:
            Unavailable: the registry does not answer; it may hold an unregistered copy.
        """
        ...

    @abstractmethod
    async def versions(self) -> Sequence[RegisteredModel]:
        """All versions, oldest first.

        One whose record was damaged where it lies is left out and named in a warning of the log:
        it keeps nobody from working with the others, its aliases stand until they are pointed elsewhere.

        Raises:
            Unavailable: the registry does not answer.
        """
        ...

    @abstractmethod
    async def fetch(self, version: ModelVersion, folder: Path, /) -> ModelArtifact:
        """Copy the artifact of *version* into the empty *folder*, byte for byte as registered.

        Raises:
            UnknownModel: there is no such version.
            BrokenModel: it was damaged where it lies.
            Unavailable: the registry does not answer.
        """
        ...

    @abstractmethod
    async def point(self, alias: Alias, version: ModelVersion | None, /) -> None:
        """Make *alias* name *version* and no other; None takes it away. Repeating changes nothing.

        Raises:
            UnknownModel: there is no such version; the alias stands as it was.
            Unavailable: the registry does not answer.
        """
        ...


@dataclass(frozen=True, slots=True)
class ServedModel:
    """A model ready to answer, the version it is, and whether a better one should."""

    version: ModelVersion | None
    """None: it was never trained."""
    model: DurationModel
    source: AnswerSource = AnswerSource.CHAMPION
    trouble: str | None = None
    """Why no better one answers; None where it is the champion."""
    reason: str | None = None
    """The slug of that trouble."""

    @property
    def manifest(self) -> Manifest:
        return self.model.manifest

    @property
    def label(self) -> str:
        """The version, or where there is none the source."""
        return str(self.source if self.version is None else self.version)


class ModelShelf(Protocol):
    """The local place from which models are served: it needs no registry and no network."""

    @abstractmethod
    def place(self, version: ModelVersion, artifact: ModelArtifact, /) -> None:
        """Make a copy of *artifact* the champion, verified first; readers see the old one or the new.

        Raises:
            BrokenModel: the artifact does not verify; the former champion stays.
        """
        ...

    @abstractmethod
    def champion(self) -> ServedModel:
        """The champion; loaded when it changed since the last call, else the same object.

        Raises:
            NoChampion: none was ever placed.
            BrokenModel: it was damaged where it lies.
        """
        ...

    @abstractmethod
    def check(self) -> None:
        """See that the champion could be loaded anew: its files may have changed since :meth:`champion` did.

        Raises:
            NoChampion, BrokenModel: as :meth:`champion` would for one who asks for the first time.
        """
        ...

    @abstractmethod
    def former(self) -> ServedModel:
        """What was the champion before, verified as the champion is.

        Raises:
            NoChampion: there is none, or none any more.
        """
        ...

    @abstractmethod
    def spare(self) -> ServedModel:
        """The simple model that came with the champion, however damaged the rest of that is.

        Raises:
            NoChampion: none was ever placed.
            BrokenModel: it came with none, or that was damaged too.
        """
        ...
