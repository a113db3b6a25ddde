"""Zones of a city in a dictionary."""

from taxi_predictor.domain.place import ZoneTable
from taxi_predictor.ports.outbound.zones import ZoneStore

__all__ = ["MemoryZoneStore"]


class MemoryZoneStore(ZoneStore):
    def __init__(self) -> None:
        self._zones: ZoneTable | None = None

    async def zones(self) -> ZoneTable | None:
        return None if self._zones is None else ZoneTable(dict(self._zones.zones))

    async def remember(self, zones: ZoneTable, /) -> None:
        # A copy: the caller's mapping may change afterwards.
        self._zones = ZoneTable(dict(zones.zones))
