"""Live levels in a dictionary."""

from taxi_predictor.domain.level import LiveLevel
from taxi_predictor.domain.model import ModelVersion
from taxi_predictor.ports.outbound.level import LevelStore

__all__ = ["MemoryLevelStore"]


class MemoryLevelStore(LevelStore):
    def __init__(self) -> None:
        self._levels: dict[ModelVersion, LiveLevel] = {}

    async def save(self, version: ModelVersion, level: LiveLevel, /) -> None:
        former = self._levels.get(version)
        if former is None or former.as_of <= level.as_of:
            self._levels[version] = level

    async def level(self, version: ModelVersion, /) -> LiveLevel | None:
        return self._levels.get(version)
