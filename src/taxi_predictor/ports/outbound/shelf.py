"""The local copy of the models that a service answers with."""

from abc import abstractmethod
from dataclasses import dataclass
from typing import Protocol

from taxi_predictor.domain.model import DurationModel, Manifest, ModelArtifact, ModelVersion
from taxi_predictor.domain.record import AnswerSource

__all__ = ["ModelShelf", "ServedModel"]


@dataclass(frozen=True, slots=True, eq=False)
class ServedModel:
    """A model ready to answer, the version it is, and whether a better one should.

    Two are the same only where they are one: nobody compares models.
    """

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
            Unavailable: it cannot be laid there, as where there is no room (StorageFull); the former stays.
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
