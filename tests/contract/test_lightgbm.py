"""LightGBM keeps the contracts of models, and the disk that of the shelf they are served from."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from polars_tables import Polars
from servers import folder_for_all
from taxi_predictor.adapters.columns.speeds import SpeedModel
from taxi_predictor.adapters.disk.shelf import DiskModelShelf
from taxi_predictor.adapters.lightgbm.model import LightgbmLoader
from taxi_predictor.adapters.lightgbm.recipe import CENTRE_RECIPE
from taxi_predictor.adapters.lightgbm.trainer import LightgbmTrainer
from taxi_predictor.adapters.lightgbm.tuner import LightgbmTuner
from taxi_predictor.adapters.memory.clock import MemoryClock
from taxi_predictor.ports.outbound.engine import ModelLoader, ModelTrainer
from taxi_predictor.ports.outbound.shelf import ModelShelf
from taxi_predictor.ports.outbound.tuning import RecipeTuner
from taxi_predictor.ports.testing.duration_model import DurationModelContract
from taxi_predictor.ports.testing.engine import ModelLoaderContract, ModelTrainerContract
from taxi_predictor.ports.testing.model_shelf import ModelShelfContract
from taxi_predictor.ports.testing.recipe_tuner import RecipeTunerContract
from taxi_predictor.ports.testing.samples import NOON


def trainer() -> LightgbmTrainer:
    return LightgbmTrainer(clock=MemoryClock(NOON), seed=1)


class Engine(Polars):
    @asynccontextmanager
    async def open(self) -> AsyncIterator[tuple[ModelTrainer, ModelLoader]]:
        yield trainer(), LightgbmLoader()


@cache
def loader() -> LightgbmLoader:
    """One for all examples: what it makes of a model once takes a third of a second."""
    return LightgbmLoader(folder_for_all("forests"))


class TestLightgbmModel(Polars, DurationModelContract):
    @asynccontextmanager
    async def open(self) -> AsyncIterator[tuple[ModelTrainer, ModelLoader]]:
        yield trainer(), loader()


class SpareLoader(LightgbmLoader):
    """Opens what stands in for the model, as if it were the model."""

    def open(self, folder: Path, /) -> SpeedModel:  # type: ignore[override] # as good as any, says the port
        return self.open_spare(folder)


class TestSpeedModel(Polars, DurationModelContract):
    @asynccontextmanager
    async def open(self) -> AsyncIterator[tuple[ModelTrainer, ModelLoader]]:
        yield trainer(), SpareLoader()


class TestLightgbmTrainer(Engine, ModelTrainerContract):
    pass


class TestLightgbmLoader(Engine, ModelLoaderContract):
    pass


class TestLightgbmTuner(Polars, RecipeTunerContract):
    @asynccontextmanager
    async def open(self) -> AsyncIterator[RecipeTuner]:
        yield LightgbmTuner()

    async def test_the_first_recipe_is_the_trainers_own(self) -> None:
        [first] = await self.tried(at_most=1)
        assert first.recipe == CENTRE_RECIPE


class TestDiskModelShelf(Polars, ModelShelfContract):
    @asynccontextmanager
    async def open(self) -> AsyncIterator[tuple[ModelShelf, ModelTrainer]]:
        with TemporaryDirectory() as folder:
            yield DiskModelShelf(Path(folder) / "models", loader()), trainer()
