"""The contract of ZoneStore."""

import json
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import AbstractAsyncContextManager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taxi_predictor.domain.place import Point, Zone, ZoneId, ZoneTable
from taxi_predictor.ports.outbound.zones import ZoneStore
from taxi_predictor.ports.testing.contract import Contract
from taxi_predictor.ports.testing.strategies import points, zone_ids
from taxi_predictor.ports.testing.tables import CONTRACT

__all__ = ["ZoneStoreContract"]


def zone_tables() -> st.SearchStrategy[ZoneTable]:
    # What a text column can hold: no null character and no half of a surrogate pair.
    texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20)
    zones = st.builds(
        Zone, id=zone_ids(), name=texts, borough=texts, centroid=points(), outline=st.none() | outlines()
    )
    return st.lists(zones, min_size=1, max_size=5).map(_table)


def outlines() -> st.SearchStrategy[str]:
    """GeoJSON of a ring."""
    ring = st.lists(points().map(lambda point: [point.lon_deg, point.lat_deg]), min_size=3, max_size=5)
    return ring.map(lambda ends: json.dumps({"type": "Polygon", "coordinates": [[*ends, ends[0]]]}))


def _table(zones: list[Zone]) -> ZoneTable:
    return ZoneTable({zone.id: zone for zone in zones})


def a_zone(number: int, *, name: str = "Alphabet City", outline: str | None = None) -> Zone:
    return Zone(
        id=ZoneId(number), name=name, borough="Manhattan", centroid=Point(40.72, -73.98), outline=outline
    )


class TornMapping(Mapping[ZoneId, Zone]):
    """Zones that cannot be read to the end."""

    def __getitem__(self, zone: ZoneId) -> Zone:
        if zone > 3:
            raise ArithmeticError("the rest is torn off")
        return a_zone(zone, name="torn")

    def __iter__(self) -> Iterator[ZoneId]:
        return iter([ZoneId(number) for number in range(1, 6)])

    def __len__(self) -> int:
        return 5


class ZoneStoreContract(Contract, of=ZoneStore):
    @abstractmethod
    def open(self) -> AbstractAsyncContextManager[ZoneStore]:
        """A store that never remembered anything, fresh each time."""

    async def test_at_first_no_zones_are_known(self) -> None:
        """None, and not an empty table."""
        async with self.open() as store:
            assert await store.zones() is None

    @CONTRACT
    @given(zones=zone_tables())
    async def test_zones_come_back_as_they_were_remembered(self, zones: ZoneTable) -> None:
        """Every value of every zone."""
        async with self.open() as store:
            await store.remember(zones)
            assert await store.zones() == zones

    async def test_a_long_outline_comes_back(self) -> None:
        """Outlines are as long as coastlines."""
        outline = '{"type": "Polygon", "coordinates": [[' + ", ".join(["[-73.98, 40.72]"] * 20_000) + "]]}"
        async with self.open() as store:
            await store.remember(_table([a_zone(4, outline=outline)]))
            assert await store.zones() == _table([a_zone(4, outline=outline)])

    async def test_a_table_takes_the_place_of_the_former(self) -> None:
        """Zones that it does not have are gone; remembering the same again changes nothing."""
        later = _table([a_zone(2, name="renamed"), a_zone(3)])
        async with self.open() as store:
            await store.remember(_table([a_zone(1), a_zone(2)]))
            for _attempt in range(2):
                await store.remember(later)
                assert await store.zones() == later

    async def test_a_table_that_cannot_be_read_leaves_the_former(self) -> None:
        """All or nothing."""
        former = _table([a_zone(1), a_zone(2)])
        async with self.open() as store:
            await store.remember(former)
            with pytest.raises(ArithmeticError):
                await store.remember(ZoneTable(TornMapping()))
            assert await store.zones() == former

    async def test_what_is_remembered_does_not_change_with_the_callers_mapping(self) -> None:
        """The store keeps a copy."""
        zones = {ZoneId(1): a_zone(1)}
        async with self.open() as store:
            await store.remember(ZoneTable(zones))
            zones[ZoneId(2)] = a_zone(2)
            assert await store.zones() == _table([a_zone(1)])
