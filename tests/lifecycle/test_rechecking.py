"""Are logged predictions still what their models say?"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from lifecycle.conftest import World
from taxi_predictor.adapters.memory.predictions import MemoryPredictionLog
from taxi_predictor.domain.errors import NotFound, UnknownModel
from taxi_predictor.domain.model import ModelVersion
from taxi_predictor.domain.record import AnswerSource, PredictionRecord
from taxi_predictor.ports.inbound.models.rechecking import PredictionRecheck
from taxi_predictor.ports.testing.records import a_record

LONG_AGO = timedelta(days=1)


async def answered(world: World, count: int) -> Sequence[PredictionRecord]:
    """What version 1 says of so many plans, as it would be logged."""
    await world.training.train()
    model = await world.versions.open(ModelVersion(1))
    records = []
    for number in range(count):
        record = a_record(number, at=world.clock.now())
        [said] = model.estimate([record.plan])
        records.append(
            replace(
                record,
                version=ModelVersion(1),
                source=AnswerSource.CHAMPION,
                mu=said.mu,
                sigma=said.sigma,
                level_factor=1.0,
            )
        )
    world.clock.advance(timedelta(seconds=1))
    return records


def a_recheck(world: World, log: MemoryPredictionLog) -> PredictionRecheck:
    return PredictionRecheck(predictions=log, versions=world.versions, clock=world.clock)


async def test_what_a_model_answered_it_answers_again(world: World) -> None:
    log = MemoryPredictionLog()
    await log.add(await answered(world, 3))
    found = await a_recheck(world, log).recheck(world.clock.now() - LONG_AGO, at_most=10)
    assert (found.checked, found.differing, found.passed_over) == ({1: 3}, [], 0)


async def test_it_looks_at_no_more_than_it_is_told(world: World) -> None:
    log = MemoryPredictionLog()
    await log.add(await answered(world, 3))
    found = await a_recheck(world, log).recheck(world.clock.now() - LONG_AGO, at_most=2)
    assert found.checked == {1: 2}


async def test_an_answer_of_another_model_is_named(world: World) -> None:
    """As where the registry was restored from another day than the log."""
    log = MemoryPredictionLog()
    one, two = await answered(world, 2)
    await log.add([one, replace(two, mu=two.mu + 0.01)])
    found = await a_recheck(world, log).recheck(world.clock.now() - LONG_AGO, at_most=10)
    assert found.differing == [two.prediction_id]


async def test_the_live_level_is_part_of_an_answer(world: World) -> None:
    log = MemoryPredictionLog()
    one, two = await answered(world, 2)
    await log.add([replace(one, mu=one.mu + 0.0953102, level_factor=1.1), replace(two, level_factor=1.1)])
    found = await a_recheck(world, log).recheck(world.clock.now() - LONG_AGO, at_most=10)
    assert found.differing == [two.prediction_id]


async def test_where_no_model_answered_there_is_nothing_to_check(world: World) -> None:
    log = MemoryPredictionLog()
    [one] = await answered(world, 1)
    await log.add([replace(one, source=AnswerSource.FALLBACK_SPEED, version=None)])
    with pytest.raises(NotFound):
        await a_recheck(world, log).recheck(world.clock.now() - LONG_AGO, at_most=10)


async def test_a_model_that_the_registry_lost_is_missed(world: World) -> None:
    log = MemoryPredictionLog()
    [one] = await answered(world, 1)
    await log.add([replace(one, version=ModelVersion(7))])
    with pytest.raises(UnknownModel):
        await a_recheck(world, log).recheck(world.clock.now() - LONG_AGO, at_most=10)
