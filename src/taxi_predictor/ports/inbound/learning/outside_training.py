"""Training on trips that are not stored: they come from their sources, and are let go when it is done."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from taxi_predictor.ports.inbound.learning.training import ModelTraining
from taxi_predictor.ports.inbound.trips.intake import IngestReport, TripIntake
from taxi_predictor.ports.outbound.registry import RegisteredModel
from taxi_predictor.ports.outbound.scratch import TripScratch

__all__ = ["OutsideTraining", "TrainedOutside"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainedOutside:
    intake: IngestReport
    """What became of every row that was read, as if it had been ingested into an empty store."""
    model: RegisteredModel


class OutsideTraining:
    def __init__(self, *, intake: TripIntake, training: ModelTraining, scratch: TripScratch) -> None:
        self._intake = intake
        self._training = training
        self._scratch = scratch

    async def train(
        self,
        sources: Sequence[str],
        *,
        until: datetime | None = None,
        tune_s: float = 0.0,
        max_reject_share: float | None = None,
    ) -> TrainedOutside:
        """Train on the believable trips of *sources* alone, as :class:`ModelTraining` does on stored ones.

        The rules of ingestion hold: the same rows are refused, and a trip that comes twice counts once.

        Raises:
            TooManyRejects: more than the allowed share of a part's rows was refused.
            NotEnoughTrips: too few trips are left to train and judge.
            StorageFull: there is no room beside the memory.
        """
        async with self._scratch.store() as trips:
            report = IngestReport()
            for source in sources:
                report += await self._intake.ingest_into(trips, source, max_reject_share=max_reject_share)
            model = await self._training.train(trips=trips, until=until, tune_s=tune_s)
        return TrainedOutside(intake=report, model=model)
