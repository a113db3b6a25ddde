"""What a challenger would have answered, compared on trips that ended."""

from collections.abc import AsyncGenerator, Sequence
from datetime import datetime, timedelta

import pytest

from lifecycle.conftest import World
from lifecycle.test_promotions import told
from taxi_predictor.adapters.memory.predictions import MemoryOutcomeLog, MemoryPredictionLog
from taxi_predictor.adapters.memory.shadows import MemoryShadowLog
from taxi_predictor.domain.errors import NotFound
from taxi_predictor.domain.model import ModelVersion
from taxi_predictor.domain.record import PredictionRecord
from taxi_predictor.ports.inbound.quality.shadowing import ShadowScoring
from taxi_predictor.ports.outbound.registry import Alias
from taxi_predictor.ports.testing.records import a_record, an_outcome
from taxi_predictor.ports.testing.samples import NOON

MINUTE = timedelta(minutes=1)


class Logs:
    """The logs of a world, and the use case on them."""

    def __init__(self, world: World, *, share: float = 1.0) -> None:
        self.world = world
        self.predictions = MemoryPredictionLog()
        self.outcomes = MemoryOutcomeLog(self.predictions)
        self.shadows = MemoryShadowLog(self.outcomes)
        self.share = share
        self.use_case = self.a_process()

    def a_process(self) -> ShadowScoring:
        return ShadowScoring(
            predictions=self.predictions,
            shadows=self.shadows,
            versions=self.world.versions,
            clock=self.world.clock,
            share=self.share,
        )

    async def answer(self, *numbers: int) -> None:
        """Log predictions of now."""
        await self.predictions.add([a_record(number, at=self.world.clock.now()) for number in numbers])
        self.world.clock.advance(timedelta(seconds=1))


async def a_challenger(world: World) -> None:
    """A champion that serves, and a model that passed and does not."""
    await world.training.train()
    await world.lifecycle.promote()
    world.trainer = told(speed_km_h=20.5)
    await world.training.train()
    assert (await world.versions.holder(Alias.CHALLENGER)) is not None


async def test_each_prediction_gets_one_score_of_the_challenger(world: World) -> None:
    """What its own model says of the same plan; however often it is looked, in whichever process."""
    await a_challenger(world)
    logs = Logs(world)
    await logs.answer(1, 2)
    assert await logs.use_case.score() == 2
    assert await logs.use_case.score() == await logs.a_process().score() == 0
    await logs.answer(3)
    assert await logs.use_case.score() == 1
    model = await world.versions.open(ModelVersion(2))
    for (prediction_id, version), score in logs.shadows.scores.items():
        [expected] = model.estimate([logs.predictions.records[prediction_id].plan])
        assert (version, score.mu, score.sigma) == (2, expected.mu, expected.sigma)
        assert score.duration_s == pytest.approx(expected.median_s(), abs=1e-3)


async def test_what_comes_into_the_log_late_is_scored_too(world: World) -> None:
    """As from a spool that waited for a moment."""
    await a_challenger(world)
    logs = Logs(world)
    await logs.answer(1)
    await logs.use_case.score()
    late = a_record(2, at=world.clock.now())
    world.clock.advance(MINUTE)
    await logs.answer(3)
    await logs.use_case.score()
    await logs.predictions.add([late])
    assert await logs.use_case.score() == 1


async def test_a_share_is_chosen_by_the_ids(world: World) -> None:
    """So that every process chooses the same, and none is read where there is none to choose."""

    class Unread(MemoryPredictionLog):
        async def between(
            self, since: datetime, until: datetime, /
        ) -> AsyncGenerator[Sequence[PredictionRecord], None]:
            raise AssertionError("read in vain")
            yield []

    await a_challenger(world)
    logs = Logs(world, share=0.5)
    await logs.answer(*range(0, 2**32, 2**26))  # the last eight digits are what chooses
    assert await logs.use_case.score() == 32
    logs = Logs(world, share=0.0)
    logs.predictions = Unread()
    assert await logs.a_process().score() == 0


async def test_without_a_challenger_nothing_is_scored(world: World) -> None:
    await world.training.train()
    await world.lifecycle.promote()
    logs = Logs(world)
    await logs.answer(1)
    assert await logs.use_case.score() == 0
    with pytest.raises(NotFound, match="no challenger"):
        await logs.use_case.compare(NOON)


async def test_another_challenger_begins_anew(world: World) -> None:
    await a_challenger(world)
    logs = Logs(world)
    await logs.answer(1)
    await logs.use_case.score()
    await world.training.train()
    assert (await world.versions.holder(Alias.CHALLENGER)).version == 3  # type: ignore[union-attr]
    assert await logs.use_case.score() == 1
    assert {version for _, version in logs.shadows.scores} == {2, 3}


async def test_both_are_compared_on_the_same_trips_that_ended(world: World) -> None:
    await a_challenger(world)
    logs = Logs(world)
    at = world.clock.now()
    await logs.answer(1, 2, 3)
    await logs.use_case.score()
    with pytest.raises(NotFound, match="has ended"):
        await logs.use_case.compare(NOON)
    took_s = {1: 500.0, 2: 900.0}
    await logs.outcomes.attach(
        [
            an_outcome(number, at=at, duration_s=duration_s, reported_at=at + MINUTE)
            for number, duration_s in took_s.items()
        ]
    )
    world.clock.advance(2 * MINUTE)
    found = await logs.use_case.compare(at)
    assert (found.version, found.trips) == (2, 2)
    answered = [took_s[number] - a_record(number).duration_s for number in took_s]
    assert found.answered.mae_s == pytest.approx(sum(map(abs, answered)) / 2)
    assert found.answered.bias_s == pytest.approx(sum(answered) / 2)
    assert found.answered.coverage_80 == 1.0
    scores = {score.prediction_id[-1]: score for score in logs.shadows.scores.values()}
    shadow = [took_s[number] - scores[str(number)].duration_s for number in took_s]
    assert found.shadow.mae_s == pytest.approx(sum(map(abs, shadow)) / 2)
    model = await world.versions.open(ModelVersion(2))
    within = []
    for number, duration_s in took_s.items():
        [distribution] = model.estimate([a_record(number, at=at).plan])
        low_s, high_s = distribution.interval_s(0.8)
        within.append(low_s <= duration_s <= high_s)
    assert found.shadow.coverage_80 == sum(within) / 2
