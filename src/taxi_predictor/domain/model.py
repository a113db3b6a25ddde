"""What a duration model promises, and the manifest that says where it comes from."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import NewType, Protocol

from taxi_predictor.domain.arithmetic import Column, ColumnArithmetic
from taxi_predictor.domain.city import City
from taxi_predictor.domain.distribution import DurationDistribution, ScaledResiduals
from taxi_predictor.domain.split import TimeSplit
from taxi_predictor.domain.trip import PlanBatch, TripPlan

__all__ = [
    "ARTIFACT_FORMAT",
    "MANIFEST_FILE",
    "SIMULATION",
    "BatchEstimate",
    "DurationModel",
    "Manifest",
    "ModelArtifact",
    "ModelVersion",
]

ARTIFACT_FORMAT = 1
"""Of the manifest and the files it names; code refuses an artifact of another format."""

MANIFEST_FILE = "manifest.json"
"""Where an artifact's folder keeps its manifest."""

SIMULATION = "simulation"
"""The family of sources whose trips nobody took; what was learned from them is labelled."""

ModelVersion = NewType("ModelVersion", int)


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """All that must be known to serve a model and to say what it learned from."""

    engine: str
    city: City
    features: tuple[str, ...]
    residuals: ScaledResiduals
    split: TimeSplit
    trips: int
    """How many trips it learned from, the held-out ones not among them."""
    sources: tuple[str, ...]
    """Families of the sources of those trips, such as ``tlc-green``."""
    fingerprint: str
    """Names the training data: equal for equal trips in any order."""
    seed: int
    params: Mapping[str, str | int | float]
    created_at: datetime
    code_version: str
    files: Mapping[str, str] = field(default_factory=dict)
    """The artifact's other files: name to sha256 in hexadecimal."""
    format: int = ARTIFACT_FORMAT

    @property
    def is_simulated(self) -> bool:
        return SIMULATION in self.sources


@dataclass(frozen=True, slots=True)
class ModelArtifact:
    """A trained model as a folder of files with its manifest."""

    folder: Path
    manifest: Manifest


@dataclass(frozen=True, slots=True)
class BatchEstimate:
    """The durations of many trips as columns, with the features they were estimated from."""

    m: ColumnArithmetic
    distribution: DurationDistribution[Column]
    features: Mapping[str, Column]


class DurationModel(Protocol):
    """Estimates durations of trips that have not started. Immutable; safe to share between threads."""

    @property
    @abstractmethod
    def manifest(self) -> Manifest: ...

    @abstractmethod
    def estimate(self, plans: Sequence[TripPlan], /) -> Sequence[DurationDistribution[float]]:
        """One distribution per plan, in their order; every quantile is positive and finite."""
        ...

    @abstractmethod
    def estimate_batch(self, plans: PlanBatch, /) -> BatchEstimate:
        """The same estimates, to 1e-9, for many plans in columns; at least one plan."""
        ...
