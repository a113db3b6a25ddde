"""The live level as a service keeps it, and as it is replayed on past trips."""

import asyncio
import math
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polars_tables import Polars
from taxi_predictor.adapters.columns.speeds import fallback_model
from taxi_predictor.adapters.memory.clock import MemoryClock
from taxi_predictor.adapters.memory.constant_speed import (
    ConstantSpeedLoader,
    ConstantSpeedModel,
    ConstantSpeedTrainer,
)
from taxi_predictor.adapters.memory.level import MemoryLevelStore
from taxi_predictor.adapters.memory.models import MemoryModelShelf
from taxi_predictor.adapters.memory.trips import MemoryQuarantine, MemoryTripStore
from taxi_predictor.domain.distribution import ScaledResiduals
from taxi_predictor.domain.errors import Unavailable
from taxi_predictor.domain.level import BOUND, STALE_AFTER, STRATA, LiveLevel
from taxi_predictor.domain.model import Manifest, ModelVersion
from taxi_predictor.domain.record import AnswerSource
from taxi_predictor.domain.trip import FinishedTrip, TripBatch
from taxi_predictor.ports.inbound.answers import levelling
from taxi_predictor.ports.inbound.answers.ladder import Ladder
from taxi_predictor.ports.inbound.answers.levelling import LiveLevelling
from taxi_predictor.ports.inbound.learning.replaying import replay
from taxi_predictor.ports.outbound.sources import PartName
from taxi_predictor.ports.testing.samples import NOON, SPLIT, a_history
from taxi_predictor.ports.testing.strategies import A_CITY
from taxi_predictor.ports.testing.training import fit
from waiting import eventually

ONE = ModelVersion(1)
HOUR = timedelta(hours=1)


class FailingStore(MemoryLevelStore):
    is_away = takes_nothing = False
    looks = saves = 0

    async def level(self, version: ModelVersion, /) -> LiveLevel | None:
        self.looks += 1
        if self.is_away:
            raise Unavailable("the database does not answer")
        return await super().level(version)

    async def save(self, version: ModelVersion, level: LiveLevel, /) -> None:
        self.saves += 1
        if self.takes_nothing:
            raise Unavailable("the database takes nothing")
        await super().save(version, level)


class Service:
    """A model of 20 km/h on the shelf, and a store of trips that took twice as long."""

    def __init__(self, *, every: timedelta | None = 5 * timedelta(minutes=1)) -> None:
        self.clock = MemoryClock(SPLIT.held_out_from)
        self.store = FailingStore()
        self.trips = MemoryTripStore(MemoryQuarantine())
        self.shelf = MemoryModelShelf(ConstantSpeedLoader())
        self.ladder = Ladder(
            shelf=self.shelf, fallback=fallback_model(A_CITY), lowest=AnswerSource.FALLBACK_SPEED
        )
        self.levelling = LiveLevelling(
            trips=self.trips, ladder=self.ladder, levels=self.store, clock=self.clock, every=every
        )

    async def crown(self, version: ModelVersion) -> None:
        with TemporaryDirectory() as folder:
            trainer = ConstantSpeedTrainer(clock=self.clock)
            self.shelf.place(version, await fit(Polars(), trainer, a_history(), Path(folder)))
        self.ladder.refresh()

    @asynccontextmanager
    async def following(self) -> AsyncIterator[None]:
        following = asyncio.create_task(self.levelling.follow())
        try:
            yield
        finally:
            following.cancel()

    async def open(self, *, slowness: float = 2.0) -> "Service":
        await self.crown(ONE)
        late = [replace(trip, duration_s=trip.duration_s * slowness) for trip in a_history()]
        rows = range(1, len(late) + 1)

        async def batches() -> AsyncIterator[object]:
            yield Polars().clean_batch(late, row_numbers=rows, rejects=[])

        await self.trips.add(PartName(family="sample", name="late"), batches())  # type: ignore[arg-type] # of one
        return self


MODEL = ConstantSpeedModel(
    Manifest(
        engine="constant-speed",
        city=A_CITY,
        features=("distance_km",),
        residuals=ScaledResiduals((0.1, 0.5, 0.9), (-1.0, 0.0, 1.0)),
        split=SPLIT,
        trips=2_000,
        sources=("sample",),
        fingerprint="",
        seed=0,
        params={"speed_km_h": 20.0, "sigma": 0.2},
        created_at=NOON,
        code_version="0",
        level_reference=(0.0,) * STRATA,
    )
)
WITHOUT_LEVEL = ConstantSpeedModel(replace(MODEL.manifest, level_reference=()))


async def test_trips_that_take_longer_raise_the_level_and_every_answer() -> None:
    service = await Service().open()
    level = await service.levelling.refresh()
    assert level is not None
    assert 0.3 < level.city <= BOUND  # ln 2 is 0.69; fifty trips' worth of doubt is taken off
    served = service.shelf.champion()
    assert service.levelling.current(served) == level
    plan = min(a_history(), key=lambda trip: trip.duration_s + 1e6 * (trip.duration_s < 600)).plan
    [usual], [now] = served.model.estimate([plan]), served.model.estimate([plan], level=level)
    assert now.median_s() > usual.median_s() * 1.3


async def test_the_level_of_calm_days_is_none_to_speak_of() -> None:
    level = await (await Service().open(slowness=1.0)).levelling.refresh()
    assert level is not None
    assert abs(level.city) < 0.03


async def test_another_worker_answers_with_the_level_that_one_has_measured() -> None:
    service = await Service().open()
    level = await service.levelling.refresh()
    other = LiveLevelling(
        trips=service.trips, ladder=service.ladder, levels=service.store, clock=service.clock, every=HOUR
    )
    assert other.current(service.shelf.champion()) is None
    assert await other.load() == level
    assert other.current(service.shelf.champion()) == level


async def test_the_level_of_another_version_does_not_count() -> None:
    service = await Service().open()
    await service.levelling.refresh()
    served = replace(service.shelf.champion(), version=ModelVersion(2))
    assert service.levelling.current(served) is None


async def test_while_the_store_is_away_the_level_goes_on_until_it_is_stale() -> None:
    service = await Service().open()
    level = await service.levelling.refresh()
    service.store.is_away = True
    with pytest.raises(Unavailable):
        await service.levelling.load()
    served = service.shelf.champion()
    service.clock.advance(STALE_AFTER)
    assert service.levelling.current(served) == level
    service.clock.advance(timedelta(seconds=1))
    assert service.levelling.current(served) is None


async def test_what_keeps_the_level_away_is_told_while_it_does() -> None:
    service = await Service().open()
    served = service.shelf.champion()
    service.store.is_away = True
    async with service.following():
        await asyncio.sleep(0)
        assert service.levelling.trouble(served) == "without the live level: the database does not answer"
        service.store.is_away = False
        await service.levelling.refresh()
        assert service.levelling.trouble(served) is None


async def test_a_new_champion_has_its_level_at_the_next_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not only when the level would have been measured again."""
    monkeypatch.setattr(levelling, "LOAD_EVERY_S", 0.0)
    service = await Service(every=HOUR).open()
    async with service.following():
        for version in (ONE, ModelVersion(2), ONE):
            await service.crown(version)
            served = service.shelf.champion()
            assert served.version == version
            await eventually(lambda served=served: service.levelling.current(served) is not None)


async def test_what_cannot_be_saved_is_not_measured_at_each_look(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(levelling, "LOAD_EVERY_S", 0.0)
    service = await Service(every=HOUR).open()
    service.store.takes_nothing = True
    async with service.following():
        await eventually(lambda: service.store.looks > 20)
        assert service.store.saves == 1
        trouble = service.levelling.trouble(service.shelf.champion())
        assert trouble == "without the live level: the database takes nothing"
        service.clock.advance(HOUR)
        await eventually(lambda: service.store.saves == 2)


async def test_who_does_not_measure_loads_what_others_have(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(levelling, "LOAD_EVERY_S", 0.0)
    service = await Service(every=HOUR).open()
    looking = asyncio.create_task(service.levelling.follow(measuring=False))
    await eventually(lambda: service.store.looks > 20)
    assert not service.store.saves
    level = await service.levelling.refresh()
    service.clock.advance(2 * HOUR)
    before = service.store.looks
    await eventually(lambda: service.store.looks > before + 20)
    assert service.levelling.current(service.shelf.champion()) == level
    assert service.store.saves == 1
    looking.cancel()


async def test_switched_off_there_is_no_level_whatever_is_stored() -> None:
    service = await Service(every=None).open()
    await service.store.save(
        ONE, LiveLevel(as_of=service.clock.now(), trips=9, city=0.1, strata=(0.1,) * STRATA)
    )
    assert await service.levelling.load() is None
    assert await service.levelling.refresh() is None
    await service.levelling.follow()  # returns at once
    assert service.levelling.current(service.shelf.champion()) is None


async def replayed(
    trips: Sequence[FinishedTrip], since_number: int, *, model: ConstantSpeedModel = MODEL, at_once: int = 300
) -> list[float]:
    """ln(median) of every trip from the one of that number on, each with the level of its departure."""
    since = trips[since_number].plan.pickup_at
    answers = []
    async for piece, level in replay(model, in_batches(trips, at_once), since):
        answers += model.estimate_batch(piece.plans, level=level).distribution.mu.tolist()
    return answers


async def in_batches(trips: Sequence[FinishedTrip], at_once: int) -> AsyncIterator[TripBatch]:
    for first in range(0, len(trips), at_once):
        yield Polars().trip_batch(trips[first : first + at_once])


@settings(max_examples=10, deadline=None)
@given(st.data())
async def test_what_ends_after_a_departure_changes_no_answer_for_it(data: st.DataObject) -> None:
    trips = a_history(trips=300)
    which = data.draw(st.integers(50, 299), label="the departure that is looked at")
    departure = trips[which].plan.pickup_at
    factor = data.draw(st.floats(0.2, 5), label="how much longer later trips take")
    altered = [
        replace(trip, duration_s=trip.duration_s * factor)
        if trip.plan.pickup_at + timedelta(seconds=trip.duration_s * min(factor, 1)) > departure
        else trip
        for trip in trips
    ]
    until = max(i for i, trip in enumerate(trips) if trip.plan.pickup_at <= departure) + 1
    before, after = await replayed(trips, 0), await replayed(altered, 0)
    assert before[:until] == after[:until]


async def test_a_replay_answers_every_trip_once_and_learns() -> None:
    history = a_history()
    slow = [replace(trip, duration_s=trip.duration_s * 1.5) for trip in history]
    answers = await replayed(slow, 1_000)
    first = slow[1_000].plan.pickup_at
    assert len(answers) == sum(trip.plan.pickup_at >= first for trip in slow)
    usual = [answer.mu for answer in MODEL.estimate([trip.plan for trip in slow[-200:]])]
    moved = [now - then for now, then in zip(answers[-200:], usual, strict=True)]
    assert math.fsum(moved) / len(moved) > 0.25


async def test_how_trips_are_cut_into_batches_changes_no_answer() -> None:
    """The level of an hour is that of its beginning, in each of the batches that share the hour."""
    history = a_history(trips=120)
    trips = [
        replace(
            trip,
            plan=replace(trip.plan, pickup_at=NOON + number * timedelta(minutes=7)),
            duration_s=trip.duration_s * 2,
        )
        for number, trip in enumerate(history)
    ]
    whole, *parts = [await replayed(trips, 30, at_once=at_once) for at_once in (120, 50, 1)]
    assert len(whole) == 90
    assert parts == [whole, whole]
    assert whole != await replayed(trips, 30, model=WITHOUT_LEVEL)


async def test_a_model_that_knows_no_level_is_replayed_without_one() -> None:
    trips = a_history(trips=400)
    assert await replayed(trips, 100, model=WITHOUT_LEVEL) == pytest.approx(
        [answer.mu for answer in WITHOUT_LEVEL.estimate([trip.plan for trip in trips[100:]])]
    )
