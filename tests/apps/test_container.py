"""The container opens a profile's adapters, wires the use cases, and lets tests swap any of them."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from taxi_predictor.adapters.disk.keys import DiskKeySnapshot
from taxi_predictor.adapters.memory.clock import MemoryClock
from taxi_predictor.adapters.memory.limits import MemoryRateLimits
from taxi_predictor.adapters.memory.zones import MemoryZoneStore
from taxi_predictor.adapters.redis.limits import RedisRateLimits
from taxi_predictor.apps.cities import load_city
from taxi_predictor.apps.container import open_container
from taxi_predictor.apps.home import claim_home
from taxi_predictor.apps.profiles.memory import NotForProduction
from taxi_predictor.apps.profiles.outbound import Outbound
from taxi_predictor.apps.settings import InvalidSettings, Settings
from taxi_predictor.domain.access import Scope, new_key
from taxi_predictor.domain.errors import Unavailable
from taxi_predictor.domain.place import Place, Point
from taxi_predictor.domain.record import AnswerSource
from taxi_predictor.domain.trip import TripPlan
from taxi_predictor.ports.outbound.limits import RateLimits
from taxi_predictor.ports.outbound.runs import Became, RunKind
from taxi_predictor.ports.testing.samples import NOON

MEMORY = Settings(profile="memory")
forgetful = pytest.mark.filterwarnings("ignore::taxi_predictor.apps.profiles.memory.NotForProduction")
A_PLAN = TripPlan(pickup=Place(Point(40.76, -73.98)), dropoff=Place(Point(40.65, -73.79)), pickup_at=NOON)


@forgetful
async def test_the_memory_profile_does_the_whole_job() -> None:
    async with open_container(MEMORY) as container:
        report = await container.intake.ingest("simulation:trips=3_000,months=1")
        noted = container.outbound.run_notes.last(RunKind.INGEST)
        assert noted is not None
        assert noted.trips == {
            Became.ADDED: report.added,
            Became.KNOWN: report.known,
            Became.REJECTED: sum(report.rejected.values()),
        }
        assert report.read == report.added + report.known + sum(report.rejected.values())
        model = await container.training.train()
        [untrained] = container.predictor.predict([A_PLAN])
        assert (untrained.served.version, untrained.source) == (None, AnswerSource.FALLBACK_SPEED)
        await container.lifecycle.promote(model.version)
        [prediction] = container.predictor.predict([A_PLAN])
        assert prediction.served.version == model.version
        assert 600 < prediction.duration_s < 7200


@pytest.mark.parametrize(
    ("wrong", "said"), [({"profile": "memry"}, "profile: Invalid"), ({"pool_max": 1}, "pool_max: Expected")]
)
async def test_settings_that_a_program_made_are_looked_at(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidSettings, match=said):
        async with open_container(Settings(**wrong)):
            pytest.fail("it was opened")


async def test_the_memory_profile_warns_that_it_forgets() -> None:
    async def opened() -> None:
        async with open_container(MEMORY):
            pass

    with pytest.warns(NotForProduction):
        await opened()


@forgetful
async def test_any_adapter_can_be_swapped() -> None:
    clock, zones = MemoryClock(NOON), MemoryZoneStore()

    def swap(outbound: Outbound) -> Outbound:
        return replace(outbound, clock=clock, zones=zones)

    async with open_container(MEMORY, swap=swap) as container:
        assert container.predictor.now() == NOON
        assert container.outbound.zones is zones


async def test_the_server_profile_must_be_told_its_servers(tmp_path: Path) -> None:
    with pytest.raises(InvalidSettings, match="DATABASE_URL and MLFLOW_TRACKING_URI"):
        async with open_container(Settings(profile="server", home=tmp_path)):
            pass


@forgetful
async def test_requests_are_counted_where_the_settings_say() -> None:
    async def limits_of(**given: Any) -> RateLimits | None:
        async with open_container(Settings(profile="memory", **given)) as container:
            return container.limits

    nowhere = "redis://127.0.0.1:1"  # it is not asked before somebody does
    assert await limits_of() is None
    assert await limits_of(redis_url=nowhere, api_workers=2) is None
    assert isinstance(await limits_of(api_rate_per_minute=5), MemoryRateLimits)
    counted = await limits_of(api_rate_per_minute=5, api_workers=2, redis_url=nowhere)
    assert isinstance(counted, RedisRateLimits)


@forgetful
async def test_workers_that_would_count_each_for_itself_are_refused() -> None:
    settings = Settings(profile="memory", api_rate_per_minute=5, api_workers=2)
    with pytest.raises(InvalidSettings, match="TAXI_REDIS_URL"):
        async with open_container(settings):
            pass


async def test_of_two_cities_that_come_to_a_home_at_once_one_has_it(tmp_path: Path) -> None:
    def claims(name: str) -> bool:
        try:
            claim_home(tmp_path / "home", load_city(name))
        except InvalidSettings:
            return False
        return True

    names = ["chicago", "new-york"] * 8
    claimed = await asyncio.gather(*(asyncio.to_thread(claims, name) for name in names))
    winners = {name for name, has_it in zip(names, claimed, strict=True) if has_it}
    assert len(winners) == 1
    assert sum(claimed) == 8
    assert [file.name for file in (tmp_path / "home").iterdir()] == ["city"]


async def test_opening_does_not_wait_for_a_database_that_is_away(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, database_url="postgresql://nobody@127.0.0.1:9/taxi")
    async with open_container(settings) as container:
        readiness = await container.health.readiness()
        assert readiness.served is not None
        assert readiness.served.source is AnswerSource.FALLBACK_SPEED
        assert "database" in readiness.neighbours["postgres"]
        with pytest.raises(Unavailable):
            await container.stock.stored()


async def test_a_key_that_was_known_opens_while_the_database_is_away(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, database_url="postgresql://nobody@127.0.0.1:9/taxi")
    now = datetime.now(UTC)
    key, kept = new_key("ada", frozenset({Scope.ADMIN}), now=now)
    await DiskKeySnapshot(tmp_path / "keys.json").save([kept], now)
    async with open_container(settings) as container:
        await container.gatekeeper.refresh()
        assert container.gatekeeper.admit(key, Scope.ADMIN).name == "ada"
        with pytest.raises(Unavailable):
            await container.gatekeeper.create("eve", frozenset({Scope.ADMIN}))


async def test_the_local_profile_keeps_what_it_is_given_between_openings(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home")
    added: Sequence[int] = []
    async with open_container(settings) as container:
        added = [(await container.intake.ingest("simulation:trips=2_000,months=1")).added]
    async with open_container(settings) as container:
        again = await container.intake.ingest("simulation:trips=2_000,months=1")
        assert [again.known] == added
        assert again.added == 0
