"""Looking for a better recipe: in the time given, on what may be seen, and never twice the same."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from lifecycle.conftest import World
from taxi_predictor.adapters.lightgbm.recipe import CENTRE_RECIPE
from taxi_predictor.adapters.lightgbm.tuner import LightgbmTuner
from taxi_predictor.adapters.memory.progress import MemoryProgress
from taxi_predictor.adapters.memory.tables import table
from taxi_predictor.domain.errors import NotEnoughTrips
from taxi_predictor.ports.outbound.models import TrainingData
from taxi_predictor.ports.outbound.tuning import Trial
from taxi_predictor.ports.testing.samples import SPLIT, a_history
from taxi_predictor.ports.testing.strategies import A_CITY
from taxi_predictor.ports.testing.tables import TableMaker


class Polars(TableMaker):
    table = staticmethod(table)


DATA = TrainingData(
    city=A_CITY,
    split=SPLIT,
    batches=[Polars().trip_batch(a_history(trips=600))],
    trips=600,
    sources=("sample",),
)


async def tried(data: TrainingData, before: Sequence[Trial], *, budget_s: float) -> list[Trial]:
    tuning = LightgbmTuner().trials(data, before, budget_s=budget_s, progress=MemoryProgress())
    return [trial async for trial in tuning]


async def interrupted(data: TrainingData, before: Sequence[Trial], *, after: int) -> list[Trial]:
    """A search with all the time in the world, left *after* so many trials."""
    trials: list[Trial] = []
    tuning = LightgbmTuner().trials(data, before, budget_s=1e9, progress=MemoryProgress())
    async for trial in tuning:
        trials.append(trial)
        if len(trials) == after:
            break
    return trials


async def test_the_best_recipe_of_all_that_were_tried_trains(world: World) -> None:
    await world.training.train(tune_s=1)
    assert world.trainer.fitted[-1].recipe == {"number": 0}
    await world.training.train(tune_s=2)  # goes on with the second and the third
    assert world.trainer.fitted[-1].recipe == {"number": 1}
    await world.training.train()
    assert world.trainer.fitted[-1].recipe == {}


async def test_other_trips_begin_anew(world: World) -> None:
    await world.training.train(tune_s=2)
    until = world.trainer.fitted[-1].split.held_out_from
    await world.training.train(until=until, tune_s=1)
    assert world.trainer.fitted[-1].recipe == {"number": 0}


async def test_without_time_the_trainers_own_recipe_is_measured_all_the_same() -> None:
    [only] = await tried(DATA, [], budget_s=0.001)
    assert only.recipe == CENTRE_RECIPE
    assert 0 < only.loss < 1


async def test_a_search_goes_on_where_it_ended() -> None:
    first, second = await interrupted(DATA, [], after=2)
    assert first.recipe != second.recipe
    assert await interrupted(DATA, [first], after=1) == [second]
    assert await tried(DATA, [first, second], budget_s=0.001) == []


async def test_a_window_without_trips_is_refused() -> None:
    early = [trip for trip in a_history(trips=600) if trip.plan.pickup_at < SPLIT.validate_from]
    with pytest.raises(NotEnoughTrips):
        await tried(replace(DATA, batches=[Polars().trip_batch(early)]), [], budget_s=1)
