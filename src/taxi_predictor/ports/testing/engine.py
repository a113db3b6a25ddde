"""The contracts of ModelTrainer and ModelLoader, which with DurationModel make an engine."""

import asyncio
import hashlib
from abc import abstractmethod
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from taxi_predictor.domain.distribution import DurationDistribution
from taxi_predictor.domain.errors import BrokenModel, NotEnoughTrips
from taxi_predictor.domain.features import FEATURE_NAMES
from taxi_predictor.domain.model import ARTIFACT_FORMAT, MANIFEST_FILE, DurationModel
from taxi_predictor.domain.trip import TripPlan
from taxi_predictor.ports.outbound.engine import ModelLoader, ModelTrainer
from taxi_predictor.ports.testing.samples import SPLIT, a_history
from taxi_predictor.ports.testing.strategies import A_CITY
from taxi_predictor.ports.testing.tables import TableMaker
from taxi_predictor.ports.testing.training import broken_copies, files_in, fit, trained

__all__ = [
    "LEVELS",
    "EngineContract",
    "ModelLoaderContract",
    "ModelTrainerContract",
    "estimates",
    "numbers",
    "same",
]

LEVELS = (0.001, 0.1, 0.5, 0.9, 0.999)


class EngineContract(TableMaker):
    @abstractmethod
    def open(self) -> AbstractAsyncContextManager[tuple[ModelTrainer, ModelLoader]]:
        """A trainer with a fixed seed, quick rather than good, and the loader of what it writes."""

    async def model(self) -> DurationModel:
        async with self.open() as (trainer, loader):
            return loader.open((await trained(self, trainer)).folder)


def same(estimated: object, expected: Sequence[float]) -> bool:
    """Whether numbers agree as closely as the ports promise; a missing zone is NaN on both sides."""
    return bool(estimated == pytest.approx(expected, rel=1e-9, abs=1e-9, nan_ok=True))


def numbers(distribution: DurationDistribution[float]) -> list[float]:
    return [distribution.mu, distribution.sigma, *map(distribution.quantile_s, LEVELS)]


def estimates(model: DurationModel, asked: Sequence[TripPlan]) -> list[list[float]]:
    return [numbers(distribution) for distribution in model.estimate(asked)]


class ModelTrainerContract(EngineContract, of=ModelTrainer):
    async def test_the_artifact_is_in_the_folder_given(self) -> None:
        """Its manifest names every other file there by its sum."""
        async with self.open() as (trainer, _):
            with TemporaryDirectory() as folder:
                artifact = await fit(self, trainer, a_history(), Path(folder))
                assert artifact.folder == Path(folder)
                written = files_in(Path(folder))
        assert written.pop(MANIFEST_FILE)
        sums = {name: hashlib.sha256(content).hexdigest() for name, content in written.items()}
        assert sums == artifact.manifest.files

    async def test_the_manifest_says_what_was_learned_from(self) -> None:
        """The city, the windows, the sources and the number of trips; and how to serve it."""
        async with self.open() as (trainer, _):
            manifest = (await trained(self, trainer)).manifest
        assert (manifest.city, manifest.split, manifest.sources) == (A_CITY, SPLIT, ("sample",))
        assert manifest.trips == len(a_history())
        assert manifest.format == ARTIFACT_FORMAT
        assert set(manifest.features) <= set(FEATURE_NAMES)
        assert manifest.created_at.utcoffset() is not None

    async def test_the_same_data_give_the_same_model(self) -> None:
        """Training again changes no estimate."""
        asked = [trip.plan for trip in a_history(trips=50)]
        async with self.open() as (trainer, loader):
            with TemporaryDirectory() as folder:
                again = loader.open((await fit(self, trainer, a_history(), Path(folder))).folder)
                first = loader.open((await trained(self, trainer)).folder)
                for one, other in zip(estimates(first, asked), estimates(again, asked), strict=True):
                    assert same(one, other)

    async def test_the_fingerprint_names_the_trips_and_not_their_order(self) -> None:
        """Equal trips in other batches, those of one instant exchanged: the same; other trips: another."""
        history = a_history()
        exchanged = [history[place ^ 1] for place in range(len(history))]
        async with self.open() as (trainer, _):
            first = (await trained(self, trainer)).manifest.fingerprint
            for trips, is_equal in ((exchanged, True), (history[1:], False)):
                with TemporaryDirectory() as folder:
                    artifact = await fit(self, trainer, trips, Path(folder), batch_rows=999)
                    assert (artifact.manifest.fingerprint == first) is is_equal

    @pytest.mark.parametrize("window", ["neither", "fit", "validation"])
    async def test_it_refuses_to_learn_from_too_little(self, window: str) -> None:
        """Both windows need trips."""
        history = {
            "neither": [],
            "fit": [trip for trip in a_history() if trip.plan.pickup_at < SPLIT.validate_from],
            "validation": [trip for trip in a_history() if trip.plan.pickup_at >= SPLIT.validate_from],
        }[window]
        async with self.open() as (trainer, _):
            with TemporaryDirectory() as folder, pytest.raises(NotEnoughTrips):
                await fit(self, trainer, history, Path(folder))

    async def test_the_event_loop_stays_free(self) -> None:
        """Others go on while a model is being trained."""
        turns = 0

        async def others() -> None:
            nonlocal turns
            while True:
                await asyncio.sleep(0.001)
                turns += 1

        async with self.open() as (trainer, _):
            with TemporaryDirectory() as folder:
                task = asyncio.create_task(others())
                await fit(self, trainer, a_history(), Path(folder))
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
        assert turns


class ModelLoaderContract(EngineContract, of=ModelLoader):
    async def test_a_model_is_opened_with_its_manifest(self) -> None:
        """What was written is what is read."""
        async with self.open() as (trainer, loader):
            artifact = await trained(self, trainer)
            assert loader.open(artifact.folder).manifest == artifact.manifest

    async def test_a_model_that_does_not_verify_is_not_opened(self) -> None:
        """A file missing, cut short or altered, and a format that is not ours."""
        async with self.open() as (trainer, loader):
            artifact = await trained(self, trainer)
            with TemporaryDirectory() as folder:
                for wrong, broken in broken_copies(artifact, Path(folder)):
                    try:
                        loader.open(broken.folder)
                    except BrokenModel:
                        continue
                    raise AssertionError(f"a model was opened although: {wrong}")

    async def test_there_is_no_model_in_an_empty_folder(self) -> None:
        """Nor in one that is not there."""
        async with self.open() as (_, loader):
            with TemporaryDirectory() as folder:
                for nowhere in (Path(folder), Path(folder) / "absent"):
                    with pytest.raises(BrokenModel):
                        loader.open(nowhere)
