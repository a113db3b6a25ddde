"""Remembering where a city's taxi zones are."""

from abc import abstractmethod
from typing import Protocol

from taxi_predictor.domain.place import ZoneTable

__all__ = ["ZoneStore"]


class ZoneStore(Protocol):
    """The table of zones that was remembered last."""

    @abstractmethod
    async def zones(self) -> ZoneTable | None:
        """The table that was remembered last, or None if there never was one.

        Raises:
            Unavailable: the store does not answer.
        """
        ...

    @abstractmethod
    async def remember(self, zones: ZoneTable, /) -> None:
        """Put *zones* in place of the former table, all or nothing.

        Raises:
            Unavailable: the store does not answer; the former table stands.
        """
        ...
