"""Keeping all versions of the model, and what each is for."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from taxi_predictor.domain.evaluation import BaselineScores, Scores
from taxi_predictor.domain.model import Manifest, ModelArtifact, ModelVersion
from taxi_predictor.domain.verdict import Verdict

__all__ = ["Alias", "ModelRegistry", "ModelReport", "RegisteredModel"]


class Alias(StrEnum):
    CHAMPION = "champion"
    """Serves."""
    CHALLENGER = "challenger"
    """Passed its judgement and may be promoted."""
    PREVIOUS = "previous"
    """Served before the champion; a rollback brings it back."""


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
            StorageFull: there is no room.
            Unavailable: the registry does not answer. Either way it may hold an unregistered copy.
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
            StorageFull: there is no room in *folder*, or on the way there.
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
