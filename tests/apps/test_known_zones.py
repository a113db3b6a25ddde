"""A service that goes on for months learns of new zones without asking for them at every trip."""

import asyncio
from datetime import timedelta

import pytest

from taxi_predictor.adapters.columns.plans import FramePlanColumns
from taxi_predictor.adapters.columns.speeds import fallback_model
from taxi_predictor.adapters.memory.clock import MemoryClock
from taxi_predictor.adapters.memory.constant_speed import ConstantSpeedLoader
from taxi_predictor.adapters.memory.models import MemoryModelShelf
from taxi_predictor.adapters.memory.telemetry import RecordingTelemetry
from taxi_predictor.adapters.memory.zones import MemoryZoneStore
from taxi_predictor.domain.errors import NoZones, Unavailable, UnknownZone
from taxi_predictor.domain.place import Point, Zone, ZoneId, ZoneTable
from taxi_predictor.domain.record import AnswerSource
from taxi_predictor.ports.inbound.answers.ladder import Ladder
from taxi_predictor.ports.inbound.answers.predicting import DurationPredictor
from taxi_predictor.ports.testing.samples import NOON
from taxi_predictor.ports.testing.strategies import A_CITY

JFK, MIDTOWN = ZoneId(132), ZoneId(161)


class WatchedStore(MemoryZoneStore):
    """Counts the looks, and can be away."""

    looks = 0
    is_away = False

    async def zones(self) -> ZoneTable | None:
        self.looks += 1
        await asyncio.sleep(0)  # as a database, it lets others go first
        if self.is_away:
            raise Unavailable("the database does not answer")
        return await super().zones()


class Service:
    def __init__(self) -> None:
        self.store, self.clock = WatchedStore(), MemoryClock(NOON)
        shelf = MemoryModelShelf(ConstantSpeedLoader())
        self.predictor = DurationPredictor(
            ladder=Ladder(shelf=shelf, fallback=fallback_model(A_CITY), lowest=AnswerSource.CHAMPION),
            zones=self.store,
            clock=self.clock,
            city=A_CITY,
            columns=FramePlanColumns(),
            telemetry=RecordingTelemetry(),
            load_telemetry=RecordingTelemetry(),
        )

    async def learn(self, *ids: ZoneId, lat_deg: float = 40.7) -> None:
        await self.store.remember(
            ZoneTable({one: Zone(id=one, name="", borough="", centroid=Point(lat_deg, -73.9)) for one in ids})
        )

    async def lat_deg(self, zone: ZoneId) -> float:
        return (await self.predictor.place(zone)).point.lat_deg

    async def after(self, seconds: float) -> None:
        """Let time pass, and what was begun come to its end."""
        self.clock.advance(timedelta(seconds=seconds))
        for _ in range(5):
            await asyncio.sleep(0)


async def test_a_known_zone_is_looked_up_once_whoever_asks_how_often() -> None:
    service = Service()
    await service.learn(JFK)
    await asyncio.gather(*(service.lat_deg(JFK) for _ in range(20)))
    await service.after(59)
    await service.lat_deg(JFK)
    assert service.store.looks == 1


async def test_new_zones_are_known_without_a_restart() -> None:
    service = Service()
    with pytest.raises(NoZones):
        await service.lat_deg(JFK)
    await service.learn(JFK)
    await service.after(5)
    await service.lat_deg(JFK)
    await service.learn(JFK, MIDTOWN)
    for _ in range(10):
        with pytest.raises(UnknownZone, match="161"):
            await service.lat_deg(MIDTOWN)
    assert service.store.looks == 2
    await service.after(5)
    await service.lat_deg(MIDTOWN)
    assert service.store.looks == 3


async def test_a_replaced_zone_is_renewed_behind_an_answer_of_the_next_minute() -> None:
    service = Service()
    await service.learn(JFK)
    await service.lat_deg(JFK)
    await service.learn(JFK, lat_deg=40.6)
    await service.after(60)
    assert await service.lat_deg(JFK) == 40.7  # nobody waits for the new one
    await service.after(0)
    assert await service.lat_deg(JFK) == 40.6
    assert service.store.looks == 2


async def test_the_known_table_serves_while_the_store_is_away() -> None:
    service = Service()
    service.store.is_away = True
    with pytest.raises(Unavailable):
        await service.lat_deg(JFK)
    service.store.is_away = False
    await service.learn(JFK)
    await service.lat_deg(JFK)
    service.store.is_away = True
    for _ in range(3):
        await service.after(61)
        assert await service.lat_deg(JFK) == 40.7
        with pytest.raises(UnknownZone):
            await service.lat_deg(MIDTOWN)
    service.store.is_away = False
    await service.learn(MIDTOWN)
    await service.after(5)
    assert await service.lat_deg(MIDTOWN) == 40.7
