"""How good a model is now: figures of its live answers, over sliding windows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from taxi_predictor.domain.bands import Standing
from taxi_predictor.domain.drift import BinnedValues
from taxi_predictor.domain.evaluation import Scores, Tally
from taxi_predictor.domain.level import LiveLevel
from taxi_predictor.domain.model import ModelVersion
from taxi_predictor.domain.reference import Band, Measure

__all__ = ["ALL", "FeatureDrift", "LevelState", "LiveMeasures", "LiveReport", "LiveSums", "VersionState"]

ALL = "all"
"""The slice of all trips."""


@dataclass(slots=True)
class LiveSums:
    """What one model answered, and what came of it, in sums: those of hours add up to those of days."""

    ended: dict[str, Tally] = field(default_factory=dict)
    """Of trips that ended, by slice."""
    answered: dict[str, float] = field(default_factory=dict)
    """How many were answered, by slice, whether they have ended or not."""
    expected_error_s: dict[str, float] = field(default_factory=dict)
    """The errors to be expected of these, summed up; without those of which nothing is known."""
    expected: dict[str, float] = field(default_factory=dict)
    """How many of these there are an expectation of."""
    values: dict[str, BinnedValues] = field(default_factory=dict)
    """Of what was answered, by feature."""
    days: dict[date, float] = field(default_factory=dict)
    """How many of the trips that ended began on which day."""

    @property
    def whole_days(self) -> float:
        """How many days of equally many trips would tell as much of how days scatter.

        (sum n)^2 / sum n^2 (L. Kish, "Survey Sampling", 1965): a day with hardly a trip is none.
        """
        squares = sum(trips * trips for trips in self.days.values())
        return sum(self.days.values()) ** 2 / squares if squares else 0.0

    def add(self, other: "LiveSums") -> None:
        for name, tally in other.ended.items():
            self.ended[name] = self.ended.get(name, Tally()) + tally
        for mine, its in (
            (self.answered, other.answered),
            (self.expected_error_s, other.expected_error_s),
            (self.expected, other.expected),
        ):
            for name, count in its.items():
                mine[name] = mine.get(name, 0.0) + count
        for day, trips in other.days.items():
            self.days[day] = self.days.get(day, 0.0) + trips
        for name, values in other.values.items():
            self.values[name] = self.values[name] + values if name in self.values else values


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveMeasures:
    """One version, one slice, one window."""

    version: str
    """The number of the model, or the step of the ladder that answered without it."""
    slice: str
    window: str
    """Such as ``7d``: the days before the look."""
    scores: Scores | None
    """Of trips that ended; None: none did."""
    answered: int
    expected_mae_s: float | None
    """What the predicted distributions say of the error of all that was answered, before it is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureDrift:
    feature: str
    psi: float
    wasserstein: float
    """In standard deviations of the reference."""
    trips: int


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionState:
    """What concerns one model as a whole."""

    version: ModelVersion
    age_s: float | None
    """Since it was made; None: the registry does not know it any more."""
    window: str
    """Over which it is judged, and its drift measured."""
    bands: Mapping[Measure, Band]
    """Empty for a model of an earlier release, which came without."""
    standings: Sequence[Standing]
    """Against each band; empty where there is none, or no trip has ended."""
    drift: Sequence[FeatureDrift]
    """The strongest first; empty for a model that came without a reference."""

    @property
    def out_of_band(self) -> Sequence[Standing]:
        return [standing for standing in self.standings if standing.is_out]


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelState:
    """The live level of the champion."""

    is_on: bool
    """Whether answers are given with one."""
    level: LiveLevel | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveReport:
    """All that one look found."""

    looked_at: datetime
    measures: Sequence[LiveMeasures]
    versions: Sequence[VersionState]
    champion: ModelVersion | None
    level: LevelState
    data_age_s: float | None
    """Since the pickup of the newest stored trip; None: there is none."""
    outcome_delay_s: Mapping[float, float]
    """How long after its end a trip is reported, by quantile; of the last day, empty where nothing came."""

    @property
    def champion_state(self) -> VersionState | None:
        return next((state for state in self.versions if state.version == self.champion), None)
