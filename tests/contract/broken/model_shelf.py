"""Adapters that break what ModelShelf promises."""

import time
from dataclasses import replace
from typing import Any

from contract.breaking import breaks
from contract.broken.engine import Credulous
from taxi_predictor.adapters.memory.constant_speed import ConstantSpeedModel
from taxi_predictor.adapters.memory.models import MemoryModelShelf
from taxi_predictor.domain.model import ModelArtifact, ModelVersion
from taxi_predictor.ports.outbound.engine import ModelLoader
from taxi_predictor.ports.outbound.shelf import ServedModel
from taxi_predictor.ports.testing.model_shelf import ModelShelfContract


@breaks(ModelShelfContract, "test_an_empty_shelf_has_no_champion")
class HasNoneWithoutAWord(MemoryModelShelf):
    def champion(self) -> Any:
        return self._champion


@breaks(ModelShelfContract, "test_what_is_placed_is_the_champion")
class KeepsTheHighestVersion(MemoryModelShelf):
    def place(self, version: ModelVersion, artifact: ModelArtifact, /) -> None:
        if self._champion is None or version > self._champion.version:
            super().place(version, artifact)


@breaks(ModelShelfContract, "test_the_champion_is_loaded_once")
class LoadsEveryTime(MemoryModelShelf):
    def champion(self) -> ServedModel:
        return replace(super().champion())


@breaks(ModelShelfContract, "test_a_copy_is_served")
class LoadsWhereItWasPlaced(MemoryModelShelf):
    def place(self, version: ModelVersion, artifact: ModelArtifact, /) -> None:
        super().place(version, artifact)
        self._folder = artifact.folder

    def champion(self) -> ServedModel:
        return replace(super().champion(), model=self._loader.open(self._folder))


@breaks(ModelShelfContract, "test_a_model_that_does_not_verify_is_not_placed")
class DoesNotVerify(MemoryModelShelf):
    def __init__(self, loader: ModelLoader) -> None:
        super().__init__(Credulous())


@breaks(ModelShelfContract, "test_a_shelf_that_refused_its_first_model_is_still_empty")
class PlacesBeforeItVerifies(MemoryModelShelf):
    def place(self, version: ModelVersion, artifact: ModelArtifact, /) -> None:
        self._champion = ServedModel(version, ConstantSpeedModel(artifact.manifest))
        super().place(version, artifact)


@breaks(ModelShelfContract, "test_readers_see_the_old_champion_or_the_new")
class ShowsTheNewVersionOfTheOldModel(MemoryModelShelf):
    def place(self, version: ModelVersion, artifact: ModelArtifact, /) -> None:
        if self._champion:
            self._champion = replace(self._champion, version=version)
            time.sleep(0.01)
        super().place(version, artifact)


@breaks(ModelShelfContract, "test_a_sound_champion_passes_its_check")
class FindsNothingWrong(MemoryModelShelf):
    def check(self) -> None:
        pass


@breaks(ModelShelfContract, "test_the_former_champion_can_stand_in")
class TheFormerIsTheChampion(MemoryModelShelf):
    def former(self) -> ServedModel:
        return self.champion()


@breaks(ModelShelfContract, "test_the_spare_is_what_came_with_the_champion")
class KeepsTheFirstSpare(MemoryModelShelf):
    def spare(self) -> ServedModel:
        self._first = getattr(self, "_first", None) or super().spare()
        return self._first
