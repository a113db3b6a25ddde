"""Reading what a model learns from, and fitting one that is only measured."""

from pathlib import Path
from tempfile import TemporaryDirectory

from taxi_predictor.domain.city import City
from taxi_predictor.domain.model import DurationModel
from taxi_predictor.domain.split import TimeSplit
from taxi_predictor.domain.trip import TripBatch
from taxi_predictor.ports.outbound.models import ModelLoader, ModelTrainer, TrainingData
from taxi_predictor.ports.outbound.progress import Progress
from taxi_predictor.ports.outbound.trips import TripStore

__all__ = ["fitted_model", "read_training_data"]


async def read_training_data(
    trips: TripStore, city: City, split: TimeSplit, *, progress: Progress
) -> TrainingData:
    """The stored trips of the fit and the validation window."""
    batches: list[TripBatch] = []
    with progress.step("read trips") as step:
        async for batch in trips.between(split.fit_from, split.held_out_from):
            batches.append(batch)
            step.advance(len(batch))
            step.say(f"{sum(map(len, batches)):,} trips")
    families = await trips.families(split.fit_from, split.held_out_from)
    return TrainingData(city=city, split=split, batches=batches, sources=tuple(families))


async def fitted_model(
    trainer: ModelTrainer, loader: ModelLoader, data: TrainingData, *, progress: Progress
) -> DurationModel:
    """What *trainer* makes of *data*, as it would be served; no version is kept of it.

    Raises:
        NotEnoughTrips: a window holds too few trips to learn or calibrate from.
    """
    with TemporaryDirectory(prefix="taxi-model-") as folder:
        artifact = await trainer.fit(data, Path(folder), progress=progress)
        return loader.open(artifact.folder)
