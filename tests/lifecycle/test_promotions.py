"""No bad model is promoted by accident, and every move is written down."""

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from lifecycle.conftest import FIRST, BentTrainer, World, steady_trips
from taxi_predictor.adapters.memory.clock import MemoryClock
from taxi_predictor.adapters.memory.journal import MemoryJournal
from taxi_predictor.adapters.memory.models import MemoryModelRegistry
from taxi_predictor.apps.commands import models as commands
from taxi_predictor.domain.errors import (
    LeakedColumns,
    NoChampion,
    PromotionRefused,
    Unavailable,
    UnknownModel,
)
from taxi_predictor.domain.model import MANIFEST_FILE, Manifest, ModelVersion
from taxi_predictor.domain.promotion import PromotionPolicy
from taxi_predictor.ports.outbound.journal import Deed, Entry, Journal
from taxi_predictor.ports.outbound.registry import Alias
from taxi_predictor.ports.testing.samples import NOON
from taxi_predictor.ports.testing.strategies import A_CITY
from waiting import eventually


def narrow(manifest: Manifest) -> Manifest:
    return replace(manifest, params={**manifest.params, "sigma": float(manifest.params["sigma"]) * 0.4})


def leaky(manifest: Manifest) -> Manifest:
    return replace(manifest, features=(*manifest.features, "metered_distance_km"))


def told(**params: float) -> BentTrainer:
    return BentTrainer(lambda manifest: replace(manifest, params={**manifest.params, **params}))


BENT = {
    "slice-bias": told(airport_factor=1.3),
    "coverage": BentTrainer(narrow),
    "latency": told(sleep_s=0.03),
    "city": BentTrainer(lambda manifest: replace(manifest, city=replace(A_CITY, name="elsewhere"))),
    "baselines": told(speed_km_h=60.0),
}


async def test_a_good_model_passes_serves_and_is_written_down(world: World) -> None:
    trained = await world.training.train()
    assert trained.report.verdict.passed, trained.report.verdict.reasons
    assert trained.aliases == {Alias.CHALLENGER}
    assert trained.report.baselines["mean duration"].lift > 0.2
    promoted = await world.lifecycle.promote()
    assert promoted.aliases == {Alias.CHAMPION}
    assert world.shelf.champion().version == promoted.version
    assert await world.deeds() == [Deed.TRAINED, Deed.PROMOTED]
    assert {entry.actor for entry in await world.journal.entries(limit=9)} == {"ada"}


async def test_every_check_is_on_the_page_of_the_gate(world: World) -> None:
    await world.training.train()
    await world.lifecycle.promote()
    asked = {check.name for check in (await world.training.train()).report.verdict.checks}
    page = (Path(__file__).parents[2] / "docs" / "gate.md").read_text("utf-8")
    rows = [line.split("|")[1] for line in page.splitlines() if line.startswith("| `")]
    assert asked == {name for row in rows for name in re.findall("`(.+?)`", row)}


async def test_a_model_that_wants_what_only_the_end_of_a_trip_shows_is_not_even_asked(world: World) -> None:
    world.trainer = BentTrainer(leaky)
    with pytest.raises(LeakedColumns, match="metered_distance_km"):
        await world.training.train()
    assert await world.lifecycle.models() == []


@pytest.mark.parametrize("check", BENT)
async def test_a_bent_model_is_refused_for_what_is_wrong_with_it(world: World, check: str) -> None:
    await world.training.train()
    await world.lifecycle.promote()
    world.trainer = BENT[check]
    bent = await world.training.train()
    assert check in bent.report.verdict.failed
    assert not bent.aliases
    with pytest.raises(PromotionRefused):
        await world.lifecycle.promote()
    assert world.shelf.champion().version == 1
    assert (await world.deeds())[-1] == Deed.REFUSED


async def test_few_trips_to_learn_from_are_refused() -> None:
    world = World(policy=PromotionPolicy(min_training_trips=5_000))
    await world.store(steady_trips(days=12))
    assert (await world.training.train()).report.verdict.failed == ["training-trips"]


async def test_a_model_of_older_days_than_the_champion_s_is_refused(world: World) -> None:
    await world.training.train()
    await world.lifecycle.promote()
    older = await world.training.train(until=FIRST + timedelta(days=20))
    assert older.report.verdict.failed == ["not-older"]


async def test_a_model_of_days_long_gone_is_refused(world: World) -> None:
    await world.store(steady_trips(days=1, first=FIRST + timedelta(days=700), seed=2))
    old = await world.training.train(until=FIRST + timedelta(days=60))
    assert old.report.verdict.failed == ["data-age"]


@pytest.mark.parametrize("recipe", [{}, {"leaves": 31}])
async def test_a_champion_that_saw_the_held_out_days_is_compared_through_its_recipe(
    world: World, recipe: dict[str, str | int | float]
) -> None:
    world.trainer = BentTrainer(lambda manifest: replace(manifest, recipe=recipe))
    await world.training.train()
    await world.lifecycle.promote()
    world.trainer = BentTrainer(lambda manifest: manifest)
    until = FIRST + timedelta(days=50)
    earlier = await world.training.train(until=until)
    assert earlier.report.verdict.passed, earlier.report.verdict.reasons
    [compared] = [check for check in earlier.report.verdict.checks if check.name == "champion"]
    assert "recipe on the same cut" in compared.detail
    candidate, *refits = world.trainer.fitted
    # Of one recipe, both would be the same model: nothing is trained twice.
    assert [refit.recipe for refit in refits] == ([recipe] if recipe else [])
    assert all(refit.split == candidate.split for refit in refits)


async def test_an_override_is_promoted_and_its_reason_is_kept(world: World) -> None:
    world.trainer = BENT["coverage"]
    await world.training.train()
    for silent in (None, "", "  "):
        with pytest.raises(PromotionRefused) as refused:
            await world.lifecycle.promote(override=silent)
        assert refused.value.override_helps
    promoted = await world.lifecycle.promote(override="the fair is in town")
    assert promoted.aliases == {Alias.CHAMPION}
    entry = (await world.journal.entries(limit=1))[0]
    assert entry.deed == Deed.OVERRIDDEN
    assert "the fair is in town" in entry.reason
    assert "coverage" not in promoted.report.verdict.reasons
    assert "80 % intervals" in entry.reason


async def tamper(world: World, *, speed: str) -> None:
    files = world.registry._files[(await world.versions.find("latest")).version]
    files[MANIFEST_FILE] = files[MANIFEST_FILE].replace(b'"speed_km_h":', b'"speed_km_h":' + speed.encode())


@pytest.mark.parametrize("speed", ["9", "x"], ids=["altered", "broken"])
async def test_what_was_altered_after_its_judgement_is_never_promoted(world: World, speed: str) -> None:
    await world.training.train()
    await tamper(world, speed=speed)
    for override in (None, "I know what I do"):
        with pytest.raises(PromotionRefused, match="no override helps") as refused:
            await world.lifecycle.promote(override=override)
        assert not refused.value.override_helps
    with pytest.raises(NoChampion):
        world.shelf.champion()
    assert (await world.versions.find("latest")).aliases == {Alias.CHALLENGER}


async def test_a_model_of_another_city_is_not_promoted_by_any_override(world: World) -> None:
    world.trainer = BENT["city"]
    await world.training.train()
    with pytest.raises(PromotionRefused, match="elsewhere"):
        await world.lifecycle.promote(override="please")


async def test_a_verdict_that_is_bound_to_no_files_does_not_count(world: World) -> None:
    known = await world.training.train()
    unbound = replace(known.report, verdict=replace(known.report.verdict, artifact=""))
    async with world.versions.fetched(known.version) as artifact:
        await world.registry.register(artifact, unbound)
    with pytest.raises(PromotionRefused, match="not bound"):
        await world.lifecycle.promote()
    assert (await world.lifecycle.promote(override="judged by hand")).aliases == {Alias.CHAMPION}


@pytest.mark.parametrize(("bent", "says_how"), [("coverage", True), ("city", False)])
async def test_the_command_says_how_to_overrule_where_that_helps(
    world: World, monkeypatch: pytest.MonkeyPatch, bent: str, says_how: bool
) -> None:
    @asynccontextmanager
    async def opened() -> AsyncIterator[World]:
        yield world

    monkeypatch.setattr(commands, "opened", opened)
    world.trainer = BENT[bent]
    version = (await world.training.train()).version
    with pytest.raises(PromotionRefused) as refused:
        await commands.promote(str(version))
    command = f'taxi-predictor promote {version} --override "reason"'
    assert str(refused.value).endswith(command) == says_how
    assert ("no override helps" in str(refused.value)) != says_how


async def test_a_rollback_gives_the_former_answers_exactly(world: World) -> None:
    async def answers() -> Sequence[float]:
        [batch] = [batch async for batch in world.trips.between(None, FIRST + timedelta(hours=8))]
        return world.shelf.champion().model.estimate_batch(batch.plans).distribution.median_s().tolist()

    async def files() -> dict[str, bytes]:
        async with world.versions.fetched((await world.versions.find("champion")).version) as artifact:
            return {path.name: path.read_bytes() for path in artifact.folder.iterdir()}

    with pytest.raises(UnknownModel):
        await world.lifecycle.rollback()
    await world.training.train(until=FIRST + timedelta(days=50))
    await world.lifecycle.promote()
    before = await answers(), await files()
    await world.training.train()
    await world.lifecycle.promote()
    assert (await answers(), await files()) != before
    assert (await world.lifecycle.rollback()).version == 1
    assert (await answers(), await files()) == before
    assert (await world.deeds())[-1] == Deed.ROLLED_BACK


class Silent(Journal):
    async def write(self, entry: Entry, /) -> None:
        raise Unavailable("the journal does not answer")

    async def entries(self, *, limit: int) -> Sequence[Entry]:
        return ()


async def test_nothing_moves_while_the_journal_is_silent(world: World) -> None:
    for until in (FIRST + timedelta(days=50), None):
        await world.training.train(until=until)
        await world.lifecycle.promote()
    before = {known.version: known.aliases for known in await world.lifecycle.models()}
    world.journal = Silent()
    with pytest.raises(Unavailable):
        await world.lifecycle.promote()
    with pytest.raises(Unavailable):
        await world.lifecycle.rollback()
    with pytest.raises(Unavailable):
        await world.training.train()
    after = {known.version: known.aliases for known in await world.lifecycle.models()}
    assert after == {**before, 3: frozenset()}
    assert world.shelf.champion().version == 2
    world.journal = MemoryJournal()
    assert (await world.lifecycle.rollback()).version == 1


class Stalling(MemoryModelRegistry):
    """Moves an alias when it is let."""

    def __init__(self) -> None:
        super().__init__(clock=MemoryClock(NOON))
        self.asked, self.lets = asyncio.Event(), asyncio.Event()
        self.is_away = False

    async def point(self, alias: Alias, version: ModelVersion | None, /) -> None:
        self.asked.set()
        await self.lets.wait()
        if self.is_away:
            raise Unavailable("the registry does not answer")
        await super().point(alias, version)


async def two_models(world: World) -> Stalling:
    """Version 1 serves, version 2 waits for it; the registry stalls from now on."""
    world.registry = registry = Stalling()
    registry.lets.set()
    for until in (FIRST + timedelta(days=50), None):
        await world.training.train(until=until)
        if until:
            await world.lifecycle.promote()
    registry.lets.clear()
    registry.asked.clear()
    return registry


async def test_a_move_goes_on_to_its_end_when_who_asked_has_gone(world: World) -> None:
    registry = await two_models(world)
    moving = asyncio.create_task(world.lifecycle.promote())
    await registry.asked.wait()
    moving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await moving
    assert (await world.versions.find("champion")).version == 1
    registry.lets.set()
    await eventually(lambda: registry._aliases == {Alias.CHAMPION: 2, Alias.PREVIOUS: 1})
    assert world.shelf.champion().version == 2


async def test_what_a_registry_kept_from_a_move_the_same_move_brings(world: World) -> None:
    registry = await two_models(world)
    registry.lets.set()
    registry.is_away = True
    with pytest.raises(Unavailable):
        await world.lifecycle.promote()
    assert (await world.versions.find("champion")).version == 1
    registry.is_away = False
    promoted = await world.lifecycle.promote()
    assert promoted == await world.versions.find(2)
    back = await world.lifecycle.rollback()
    assert back == await world.versions.find(1)
    assert registry._aliases == {Alias.CHAMPION: 1, Alias.PREVIOUS: 2}
