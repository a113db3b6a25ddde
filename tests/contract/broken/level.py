"""Adapters that break what LevelStore promises."""

from dataclasses import replace

from contract.breaking import breaks
from taxi_predictor.adapters.memory.level import MemoryLevelStore
from taxi_predictor.domain.level import LiveLevel
from taxi_predictor.domain.model import ModelVersion
from taxi_predictor.ports.testing.level import LevelStoreContract


@breaks(LevelStoreContract, "test_there_is_no_level_at_first")
class KeepsOneLevelForAll(MemoryLevelStore):
    async def level(self, version: ModelVersion, /) -> LiveLevel | None:
        return next(iter(self._levels.values()), None)


@breaks(LevelStoreContract, "test_a_level_comes_back_as_it_was_saved")
class KeepsShortNumbers(MemoryLevelStore):
    async def save(self, version: ModelVersion, level: LiveLevel, /) -> None:
        await super().save(version, replace(level, strata=tuple(round(x, 6) for x in level.strata)))


@breaks(LevelStoreContract, "test_a_later_level_takes_the_place_of_an_earlier")
class KeepsTheFirstLevel(MemoryLevelStore):
    async def save(self, version: ModelVersion, level: LiveLevel, /) -> None:
        self._levels.setdefault(version, level)


@breaks(LevelStoreContract, "test_an_earlier_level_that_comes_late_changes_nothing")
class KeepsTheLastToCome(MemoryLevelStore):
    async def save(self, version: ModelVersion, level: LiveLevel, /) -> None:
        self._levels[version] = level
