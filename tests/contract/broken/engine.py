"""Adapters that break what ModelLoader and ModelTrainer promise."""

import time
from contextlib import suppress
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import msgspec

from contract.breaking import breaks
from taxi_predictor.adapters.memory.constant_speed import (
    ConstantSpeedLoader,
    ConstantSpeedModel,
    ConstantSpeedTrainer,
)
from taxi_predictor.domain.errors import BrokenModel, NotEnoughTrips
from taxi_predictor.domain.model import MANIFEST_FILE, Manifest, ModelArtifact
from taxi_predictor.ports.outbound.engine import TrainingData
from taxi_predictor.ports.outbound.progress import Progress
from taxi_predictor.ports.testing.engine import ModelLoaderContract, ModelTrainerContract
from taxi_predictor.ports.testing.samples import an_artifact


@breaks(ModelTrainerContract, "test_the_artifact_is_in_the_folder_given")
class LeavesAFileBehind(ConstantSpeedTrainer):
    async def fit(self, data: TrainingData, folder: Path, /, *, progress: Progress) -> ModelArtifact:
        (folder / "scratch.tmp").touch()
        return await super().fit(data, folder, progress=progress)


@breaks(ModelTrainerContract, "test_the_manifest_says_what_was_learned_from")
class ForgetsItsSources(ConstantSpeedTrainer):
    async def fit(self, data: TrainingData, folder: Path, /, *, progress: Progress) -> ModelArtifact:
        return await super().fit(replace(data, sources=()), folder, progress=progress)


CHANCES = count(start=0.1, step=0.01)


@breaks(ModelTrainerContract, "test_the_same_data_give_the_same_model")
class LearnsByChance(ConstantSpeedTrainer):
    async def fit(self, data: TrainingData, folder: Path, /, *, progress: Progress) -> ModelArtifact:
        artifact = await super().fit(data, folder, progress=progress)
        params = {**artifact.manifest.params, "sigma": next(CHANCES)}
        return rewritten(artifact, replace(artifact.manifest, params=params))


@breaks(ModelTrainerContract, "test_the_fingerprint_names_the_trips_and_not_their_order")
class NamesTheOrderToo(ConstantSpeedTrainer):
    async def fit(self, data: TrainingData, folder: Path, /, *, progress: Progress) -> ModelArtifact:
        artifact = await super().fit(data, folder, progress=progress)
        ids = [trip_id for batch in data.batches for trip_id in batch.table.get_column("trip_id")]
        return rewritten(artifact, replace(artifact.manifest, fingerprint=str(ids)))


@breaks(ModelTrainerContract, "test_the_fingerprint_names_the_trips_and_not_their_order")
class NamesEveryHistoryAlike(ConstantSpeedTrainer):
    async def fit(self, data: TrainingData, folder: Path, /, *, progress: Progress) -> ModelArtifact:
        artifact = await super().fit(data, folder, progress=progress)
        return rewritten(artifact, replace(artifact.manifest, fingerprint="history"))


@breaks(ModelTrainerContract, "test_it_refuses_to_learn_from_too_little")
class LearnsFromNothing(ConstantSpeedTrainer):
    async def fit(self, data: TrainingData, folder: Path, /, *, progress: Progress) -> ModelArtifact:
        with suppress(NotEnoughTrips):
            return await super().fit(data, folder, progress=progress)
        return an_artifact(folder)


@breaks(ModelTrainerContract, "test_the_event_loop_stays_free")
class HoldsTheEventLoop(ConstantSpeedTrainer):
    async def fit(self, data: TrainingData, folder: Path, /, *, progress: Progress) -> ModelArtifact:
        time.sleep(0.05)  # noqa: ASYNC251 # broken is broken
        return an_artifact(folder)


def rewritten(artifact: ModelArtifact, manifest: Manifest) -> ModelArtifact:
    (artifact.folder / MANIFEST_FILE).write_bytes(msgspec.json.encode(manifest))
    return ModelArtifact(artifact.folder, manifest)


class Credulous(ConstantSpeedLoader):
    """Opens whatever has a manifest that can be read."""

    def open(self, folder: Path, /) -> ConstantSpeedModel:
        try:
            content = (folder / MANIFEST_FILE).read_bytes()
            return ConstantSpeedModel(msgspec.json.decode(content, type=Manifest))
        except (OSError, msgspec.DecodeError) as error:
            raise BrokenModel("no manifest") from error


breaks(ModelLoaderContract, "test_a_model_that_does_not_verify_is_not_opened")(Credulous)


@breaks(ModelLoaderContract, "test_a_model_is_opened_with_its_manifest")
class ForgetsTheSeed(ConstantSpeedLoader):
    def open(self, folder: Path, /) -> ConstantSpeedModel:
        return ConstantSpeedModel(replace(super().open(folder).manifest, seed=-1))


@breaks(ModelLoaderContract, "test_there_is_no_model_in_an_empty_folder")
class HasNothingToSay(ConstantSpeedLoader):
    def open(self, folder: Path, /) -> Any:
        with suppress(BrokenModel):
            return super().open(folder)
        return None
