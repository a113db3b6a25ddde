"""A champion that is named elsewhere comes to this machine, if it may serve."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import timedelta

import pytest

from lifecycle.conftest import BentTrainer, World
from lifecycle.test_promotions import BENT, tamper, told
from taxi_predictor.adapters.memory.journal import MemoryJournal
from taxi_predictor.adapters.memory.models import MemoryModelRegistry, MemoryModelShelf
from taxi_predictor.domain.errors import BrokenModel, NoChampion, PromotionRefused, Unavailable
from taxi_predictor.domain.model import ModelVersion
from taxi_predictor.ports.inbound.models import syncing
from taxi_predictor.ports.inbound.models.syncing import ModelSync
from taxi_predictor.ports.outbound.journal import Entry
from taxi_predictor.ports.outbound.registry import Alias, RegisteredModel
from taxi_predictor.ports.outbound.shelf import ServedModel
from waiting import eventually

ONE, TWO = ModelVersion(1), ModelVersion(2)


async def two_models(world: World, *, second: BentTrainer | None = None) -> None:
    """A champion that serves, and another version."""
    await world.training.train()
    await world.lifecycle.promote()
    world.trainer = second or told(speed_km_h=20.5)
    await world.training.train()


def serving(world: World) -> ModelVersion | None:
    return world.shelf.champion().version


async def test_the_first_champion_comes_at_once(world: World) -> None:
    await world.training.train()
    with pytest.raises(NoChampion):
        await world.sync().sync()
    await world.registry.point(Alias.CHAMPION, ONE)
    assert (await world.sync().sync()).version == serving(world) == ONE


async def test_an_alias_that_was_moved_by_hand_moves_the_model(world: World) -> None:
    """As in MLflow's own pages; what serves already is not fetched again."""
    await two_models(world)
    await world.registry.point(Alias.CHAMPION, TWO)
    sync = world.sync()
    await sync.sync()
    assert serving(world) == TWO
    champion = world.shelf.champion()
    await sync.sync()
    assert world.shelf.champion() is champion


async def test_a_promotion_is_not_overtaken_between_its_shelf_and_its_alias(world: World) -> None:
    """One look may fall between the two; if the alias stays behind for longer, it decides."""
    await two_models(world)
    sync = world.sync()
    await sync.sync(at_once=False)
    async with world.versions.fetched(TWO) as artifact:
        world.shelf.place(TWO, artifact)
    await sync.sync(at_once=False)
    assert serving(world) == TWO
    await sync.sync(at_once=False)
    assert serving(world) == ONE


async def test_an_alias_that_moved_is_followed_at_the_second_look(world: World) -> None:
    await two_models(world)
    sync = world.sync()
    await sync.sync(at_once=False)
    await world.registry.point(Alias.CHAMPION, TWO)
    served = []
    for _ in range(2):
        await sync.sync(at_once=False)
        served.append(serving(world))
    assert served == [ONE, TWO]


async def test_a_model_that_did_not_pass_does_not_come(world: World) -> None:
    await two_models(world, second=BENT["coverage"])
    await world.registry.point(Alias.CHAMPION, TWO)
    with pytest.raises(PromotionRefused, match="did not pass"):
        await world.sync().sync()
    assert serving(world) == ONE


async def test_a_model_that_was_promoted_for_a_reason_comes(world: World) -> None:
    """To every machine, for all read the same journal."""
    await two_models(world, second=BENT["coverage"])
    await world.lifecycle.promote(override="the fair is in town")
    world.shelf = MemoryModelShelf(world.loader)
    await world.sync().sync()
    assert serving(world) == TWO


async def test_whether_it_was_is_not_guessed_where_the_journal_is_away(world: World) -> None:
    class Away(MemoryJournal):
        async def entries(self, *, limit: int) -> Sequence[Entry]:
            raise Unavailable("it is away")

    await two_models(world, second=BENT["coverage"])
    await world.registry.point(Alias.CHAMPION, TWO)
    world.journal = Away()
    with pytest.raises(Unavailable, match="cannot be found out"):
        await world.sync().sync()
    assert serving(world) == ONE


@pytest.mark.parametrize("speed", ["9", "x"], ids=["altered", "broken"])
async def test_files_that_were_not_judged_do_not_come(world: World, speed: str) -> None:
    """And are not fetched again and again; after a while they are."""
    fetched = []

    class Counting(MemoryModelRegistry):
        async def fetch(self, version, folder, /):  # type: ignore[no-untyped-def]
            fetched.append(version)
            return await super().fetch(version, folder)

    world.registry = Counting(clock=world.clock)
    await two_models(world)
    await tamper(world, speed=speed)
    await world.registry.point(Alias.CHAMPION, TWO)
    sync, before = world.sync(), len(fetched)
    for _ in range(3):
        with pytest.raises((PromotionRefused, BrokenModel)):
            await sync.sync()
    assert len(fetched) == before + 1
    world.clock.advance(timedelta(minutes=2))
    with pytest.raises((PromotionRefused, BrokenModel)):
        await sync.sync()
    assert len(fetched) == before + 2
    assert serving(world) == ONE


async def test_a_model_of_another_city_does_not_come(world: World) -> None:
    await two_models(world, second=BENT["city"])
    await world.registry.point(Alias.CHAMPION, TWO)
    with pytest.raises(PromotionRefused):
        await world.sync().sync()
    assert serving(world) == ONE


async def test_a_damaged_copy_is_replaced(world: World) -> None:
    class Damaged(MemoryModelShelf):
        is_damaged = True

        def champion(self) -> ServedModel:
            if self.is_damaged:
                raise BrokenModel("a file was altered")
            return super().champion()

        def check(self) -> None:
            self.champion()

        def place(self, version, artifact, /):  # type: ignore[no-untyped-def]
            super().place(version, artifact)
            self.is_damaged = False

    await world.training.train()
    await world.registry.point(Alias.CHAMPION, ONE)
    world.shelf = Damaged(world.loader)
    await world.sync().sync(at_once=False)
    assert serving(world) == ONE


@asynccontextmanager
async def followed(sync: ModelSync) -> AsyncIterator[None]:
    following = asyncio.create_task(sync.follow())
    try:
        yield
        assert not following.done()
    finally:
        following.cancel()
        with suppress(asyncio.CancelledError):
            await following


async def until_noted(world: World, words: str | None) -> None:
    """Wait for a note of a trouble of such *words*; None: of none."""

    def is_noted() -> bool:
        state = world.notes.last()
        return state is not None and (words in (state.trouble or "") if words else state.trouble is None)

    await eventually(is_noted, f"a note of {words or 'no trouble'}")


async def test_following_leaves_notes_of_what_it_found(
    world: World, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Through a registry that is away, that never answers, and one that names an unfit model."""

    class Moody(MemoryModelRegistry):
        mood = "well"

        async def versions(self) -> Sequence[RegisteredModel]:
            if self.mood == "away":
                raise Unavailable("the registry is away")
            if self.mood == "mute":
                await asyncio.sleep(60)
            if self.mood == "odd":
                raise RuntimeError("odd")
            return await super().versions()

    monkeypatch.setattr(syncing, "PATIENCE_S", 0.05)
    world.registry = Moody(clock=world.clock)
    await two_models(world, second=BENT["coverage"])
    async with followed(world.sync()):
        await until_noted(world, None)
        for mood, words in (("away", "is away"), ("mute", "did not answer"), ("odd", "a fault")):
            world.registry.mood = mood
            await until_noted(world, words)
        world.registry.mood = "well"
        await until_noted(world, None)
        await world.registry.point(Alias.CHAMPION, TWO)
        await until_noted(world, "did not pass")
        state = world.notes.last()
        assert state is not None
        assert (state.version, serving(world)) == (TWO, ONE)
    told_of = [record.reason for record in caplog.records if record.message == "sync.trouble"]  # type: ignore[attr-defined]
    assert len(told_of) == 4, "each trouble once, not at every look"
