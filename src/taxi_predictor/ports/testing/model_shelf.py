"""The contract of ModelShelf."""

import asyncio
import shutil
from abc import abstractmethod
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from taxi_predictor.domain.errors import BrokenModel, NoChampion
from taxi_predictor.domain.model import DurationModel, ModelArtifact, ModelVersion
from taxi_predictor.ports.outbound.engine import ModelTrainer
from taxi_predictor.ports.outbound.shelf import ModelShelf
from taxi_predictor.ports.testing.samples import a_history
from taxi_predictor.ports.testing.tables import TableMaker
from taxi_predictor.ports.testing.training import broken_copies, trained

__all__ = ["ModelShelfContract"]

ONE, TWO = ModelVersion(1), ModelVersion(2)


def _medians_s(model: DurationModel) -> list[float]:
    return [
        distribution.median_s()
        for distribution in model.estimate([trip.plan for trip in a_history(trips=20)])
    ]


class ModelShelfContract(TableMaker, of=ModelShelf):
    @abstractmethod
    def open(self) -> AbstractAsyncContextManager[tuple[ModelShelf, ModelTrainer]]:
        """An empty shelf, fresh each time, and a trainer of models that it can serve."""

    async def _two(self, trainer: ModelTrainer) -> tuple[ModelArtifact, ModelArtifact]:
        return await trained(self, trainer), await trained(self, trainer, speed_km_h=40.0)

    async def test_an_empty_shelf_has_no_champion(self) -> None:
        """And says so, every time."""
        async with self.open() as (shelf, _):
            for _attempt in range(2):
                with pytest.raises(NoChampion):
                    shelf.champion()

    async def test_what_is_placed_is_the_champion(self) -> None:
        """With its version and its manifest; the next placed takes over, also an older version."""
        async with self.open() as (shelf, trainer):
            slow, fast = await self._two(trainer)
            medians_s = []
            for version, artifact in ((ONE, slow), (TWO, fast), (ONE, slow)):
                shelf.place(version, artifact)
                served = shelf.champion()
                assert (served.version, served.model.manifest) == (version, artifact.manifest)
                medians_s.append(_medians_s(served.model))
            assert medians_s[0] == medians_s[2]
            assert sum(medians_s[0]) > sum(medians_s[1])

    async def test_the_champion_is_loaded_once(self) -> None:
        """Until it changes it is the same object."""
        async with self.open() as (shelf, trainer):
            slow, fast = await self._two(trainer)
            shelf.place(ONE, slow)
            served = shelf.champion()
            assert shelf.champion() is served
            shelf.place(TWO, fast)
            assert shelf.champion() is not served

    async def test_a_copy_is_served(self) -> None:
        """The artifact's folder may go, and come back as something else."""
        async with self.open() as (shelf, trainer):
            slow, fast = await self._two(trainer)
            with TemporaryDirectory() as folder:
                given = Path(folder) / "given"
                shutil.copytree(slow.folder, given)
                shelf.place(ONE, replace(slow, folder=given))
                shutil.rmtree(given)
                shutil.copytree(fast.folder, given)
                assert shelf.champion().model.manifest == slow.manifest
                expected = _medians_s(shelf.champion().model)
            assert _medians_s(shelf.champion().model) == expected

    async def test_a_model_that_does_not_verify_is_not_placed(self) -> None:
        """A file missing, cut short or altered, or another format: the former champion stays."""
        async with self.open() as (shelf, trainer):
            slow, fast = await self._two(trainer)
            shelf.place(ONE, slow)
            served = shelf.champion()
            with TemporaryDirectory() as folder:
                for wrong, broken in broken_copies(fast, Path(folder)):
                    try:
                        shelf.place(TWO, broken)
                    except BrokenModel:
                        assert shelf.champion() is served
                        continue
                    raise AssertionError(f"a model was placed although: {wrong}")

    async def test_a_shelf_that_refused_its_first_model_is_still_empty(self) -> None:
        """A model that does not verify is no champion for want of a better one."""
        async with self.open() as (shelf, trainer):
            slow, _ = await self._two(trainer)
            with TemporaryDirectory() as folder:
                _, broken = next(broken_copies(slow, Path(folder)))
                with pytest.raises(BrokenModel):
                    shelf.place(ONE, broken)
            with pytest.raises(NoChampion):
                shelf.champion()

    async def test_a_sound_champion_passes_its_check(self) -> None:
        """As often as wanted; where there is none, the check says so."""
        async with self.open() as (shelf, trainer):
            with pytest.raises(NoChampion):
                shelf.check()
            slow, _ = await self._two(trainer)
            shelf.place(ONE, slow)
            served = shelf.champion()
            for _again in range(2):
                shelf.check()
            assert shelf.champion() is served

    async def test_the_former_champion_can_stand_in(self) -> None:
        """With its version; an empty shelf and one with a single model have none."""
        async with self.open() as (shelf, trainer):
            slow, fast = await self._two(trainer)
            for placed in (None, slow):
                if placed is not None:
                    shelf.place(ONE, placed)
                with pytest.raises(NoChampion):
                    shelf.former()
            slow_s = _medians_s(shelf.champion().model)
            shelf.place(TWO, fast)
            assert shelf.former().version == ONE
            assert _medians_s(shelf.former().model) == slow_s
            shelf.place(ONE, slow)
            assert shelf.former().version == TWO

    async def test_the_spare_is_what_came_with_the_champion(self) -> None:
        """It answers for the same city; an empty shelf has none."""
        async with self.open() as (shelf, trainer):
            with pytest.raises(NoChampion):
                shelf.spare()
            slow, fast = await self._two(trainer)
            shelf.place(ONE, slow)
            slow_s = _medians_s(shelf.spare().model)
            shelf.place(TWO, fast)
            spare = shelf.spare()
            assert (spare.version, spare.manifest.city) == (TWO, fast.manifest.city)
            assert sum(_medians_s(spare.model)) < sum(slow_s)

    async def test_readers_see_the_old_champion_or_the_new(self) -> None:
        """While one is replaced by another, version and model belong together and always answer."""
        async with self.open() as (shelf, trainer):
            artifacts: dict[ModelVersion | None, ModelArtifact] = dict(
                zip((ONE, TWO), await self._two(trainer), strict=True)
            )
            shelf.place(ONE, artifacts[ONE])

            def read() -> bool:
                served = [shelf.champion() for _ in range(200)]
                return all(one.model.manifest == artifacts[one.version].manifest for one in served)

            readers = [asyncio.create_task(asyncio.to_thread(read)) for _ in range(2)]
            for version in (TWO, ONE) * 5:
                await asyncio.to_thread(shelf.place, version, artifacts[version])
            assert all(await asyncio.gather(*readers))
            assert shelf.champion().version == ONE
