"""Where the live level is kept, so that all workers answer with the same one."""

from abc import abstractmethod
from typing import Protocol

from taxi_predictor.domain.level import LiveLevel
from taxi_predictor.domain.model import ModelVersion

__all__ = ["LevelStore"]


class LevelStore(Protocol):
    """The newest live level of each model version: it is measured against that model's answers."""

    @abstractmethod
    async def save(self, version: ModelVersion, level: LiveLevel, /) -> None:
        """Put *level* in place of the version's former one, unless that is of a later instant.

        Raises:
            Unavailable: the store does not answer; the former level stands.
        """
        ...

    @abstractmethod
    async def level(self, version: ModelVersion, /) -> LiveLevel | None:
        """The version's newest level, or None if none was ever saved.

        Raises:
            Unavailable: the store does not answer.
        """
        ...
