"""Adapters that break what ZoneStore promises."""

from dataclasses import replace

from contract.breaking import breaks
from taxi_predictor.adapters.memory.zones import MemoryZoneStore
from taxi_predictor.domain.place import Zone, ZoneTable
from taxi_predictor.ports.testing.zone_store import ZoneStoreContract


@breaks(ZoneStoreContract, "test_at_first_no_zones_are_known")
class BeginsWithNoZones(MemoryZoneStore):
    async def zones(self) -> ZoneTable | None:
        return self._zones or ZoneTable()


@breaks(ZoneStoreContract, "test_zones_come_back_as_they_were_remembered")
class ForgetsOutlines(MemoryZoneStore):
    async def remember(self, zones: ZoneTable, /) -> None:
        await super().remember(ZoneTable({zone.id: replace(zone, outline=None) for zone in zones}))


@breaks(ZoneStoreContract, "test_a_long_outline_comes_back")
class CutsOutlines(MemoryZoneStore):
    async def remember(self, zones: ZoneTable, /) -> None:
        def cut(zone: Zone) -> Zone:
            return replace(zone, outline=zone.outline and zone.outline[:65_535])

        await super().remember(ZoneTable({zone.id: cut(zone) for zone in zones}))


@breaks(ZoneStoreContract, "test_a_table_takes_the_place_of_the_former")
class AddsToTheFormerZones(MemoryZoneStore):
    async def remember(self, zones: ZoneTable, /) -> None:
        former = self._zones.zones if self._zones else {}
        await super().remember(ZoneTable({**former, **zones.zones}))


@breaks(ZoneStoreContract, "test_a_table_that_cannot_be_read_leaves_the_former")
class ForgetsBeforeItRemembers(MemoryZoneStore):
    async def remember(self, zones: ZoneTable, /) -> None:
        self._zones = ZoneTable()
        await super().remember(zones)


@breaks(ZoneStoreContract, "test_what_is_remembered_does_not_change_with_the_callers_mapping")
class KeepsTheCallersMapping(MemoryZoneStore):
    async def remember(self, zones: ZoneTable, /) -> None:
        self._zones = zones
