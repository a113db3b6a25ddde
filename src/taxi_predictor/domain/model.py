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
from taxi_predictor.domain.explanation import Explanation
from taxi_predictor.domain.level import LiveLevel
from taxi_predictor.domain.reference import TrainingReference
from taxi_predictor.domain.split import TimeSplit
from taxi_predictor.domain.trip import PlanBatch, TripPlan

__all__ = [
    "ARTIFACT_FORMAT",
    "MANIFEST_FILE",
    "SERVED_FORMATS",
    "SIMULATION",
    "BatchEstimate",
    "DurationModel",
    "Manifest",
    "ModelArtifact",
    "ModelVersion",
]

ARTIFACT_FORMAT = 2
"""Of the manifest, of the files it names and of what its features mean."""

SERVED_FORMATS = (ARTIFACT_FORMAT - 1, ARTIFACT_FORMAT)
"""This code serves its own format and the one before, so that a release can be rolled back or out."""

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
    recipe: Mapping[str, str | int | float] = field(default_factory=dict)
    """What was decided before training, by which the same engine can train again."""
    importance: Mapping[str, float] = field(default_factory=dict)
    """The share of each feature in what splits gained; empty where an engine has none to tell."""
    level_reference: tuple[float, ...] = ()
    """Level zero of each stratum, see :mod:`~taxi_predictor.domain.level`; empty: it has no live level."""
    reference: TrainingReference | None = None
    """What live trips and errors are compared with; None: it is of an earlier release, which had none."""
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
    def estimate(
        self, plans: Sequence[TripPlan], /, *, level: LiveLevel | None = None
    ) -> Sequence[DurationDistribution[float]]:
        """One distribution per plan, in their order; every quantile is positive and finite.

        The median is FIFO and never faster than the city's fastest believable car: see
        :mod:`~taxi_predictor.domain.departures`. A *level* moves it; the spread stays.
        """
        ...

    @abstractmethod
    def estimate_batch(self, plans: PlanBatch, /, *, level: LiveLevel | None = None) -> BatchEstimate:
        """The same estimates, to 1e-9, for many plans in columns; at least one plan."""
        ...

    @abstractmethod
    def explain(self, plan: TripPlan, /, *, level: LiveLevel | None = None) -> Explanation:
        """What made the median of *plan* what it is; its parts add up to ln(median), to 1e-6."""
        ...
