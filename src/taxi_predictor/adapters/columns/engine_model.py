"""The base of every model that answers through an engine behind a timetable."""

from abc import abstractmethod
from collections.abc import Sequence

from taxi_predictor.adapters.columns.arrays import Floats
from taxi_predictor.adapters.columns.timetable import Ask, AskFew, AskTrip, Timetable
from taxi_predictor.domain.distribution import DurationDistribution
from taxi_predictor.domain.explanation import Explanation
from taxi_predictor.domain.level import LiveLevel
from taxi_predictor.domain.model import BatchEstimate, DurationModel, Manifest
from taxi_predictor.domain.trip import PlanBatch, TripPlan

__all__ = ["MOST_LOG", "EngineModel"]

MOST_LOG = 700.0
"""The largest ln(seconds) that an engine may answer: exp(710) is more than a float holds."""


class EngineModel(DurationModel):
    """Asks an engine for the features that *manifest* names; see :class:`Timetable`."""

    def __init__(
        self,
        manifest: Manifest,
        ask: Ask,
        ask_few: AskFew | None = None,
        ask_trip: AskTrip | None = None,
    ) -> None:
        self._manifest = manifest
        self._timetable = Timetable(
            manifest.city, manifest.features, manifest.residuals, ask, ask_few, ask_trip
        )

    @property
    def manifest(self) -> Manifest:
        return self._manifest

    def estimate(
        self, plans: Sequence[TripPlan], /, *, level: LiveLevel | None = None
    ) -> Sequence[DurationDistribution[float]]:
        return self._timetable.estimate(plans, level)

    def estimate_batch(self, plans: PlanBatch, /, *, level: LiveLevel | None = None) -> BatchEstimate:
        return self._timetable.estimate_batch(plans, level)

    def explain(self, plan: TripPlan, /, *, level: LiveLevel | None = None) -> Explanation:
        return self._timetable.explain(plan, level, self._contributions)

    @abstractmethod
    def _contributions(self, rows: Floats) -> Floats:
        """What each feature adds to the centre of each of *rows*, and last what it is without any.

        Of shape (trips, features + 1).
        """
        ...
