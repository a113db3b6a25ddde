"""Reading what a model learns from, and fitting one that is only measured."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from taxi_predictor.domain.city import City
from taxi_predictor.domain.model import DurationModel
from taxi_predictor.domain.split import TimeSplit
from taxi_predictor.domain.trip import TripBatch
from taxi_predictor.ports.outbound.engine import ModelLoader, ModelTrainer, TrainingData
from taxi_predictor.ports.outbound.progress import Progress
from taxi_predictor.ports.outbound.scratch import TripScratch
from taxi_predictor.ports.outbound.trips import TripStore

__all__ = ["fitted_model", "training_data"]


@asynccontextmanager
async def training_data(
    trips: TripStore, city: City, split: TimeSplit, *, scratch: TripScratch, progress: Progress
) -> AsyncIterator[TrainingData]:
    """The trips of the fit and the validation window, which lie in *scratch* as long as this is open."""
    read = 0

    async def counted() -> AsyncIterator[TripBatch]:
        nonlocal read
        with progress.step("read trips") as step:
            async for batch in trips.between(split.fit_from, split.held_out_from):
                read += len(batch)
                yield batch
                step.advance(len(batch))
                step.say(f"{read:,} trips")

    families = await trips.families(split.fit_from, split.held_out_from)
    async with scratch.keep(counted()) as batches:
        yield TrainingData(city=city, split=split, batches=batches, trips=read, sources=tuple(families))


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
