"""What a model learns from and is measured on is what it says."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from lifecycle.conftest import FIRST, TRIPS_A_DAY, BentTrainer, World, steady_trips
from polars_tables import Polars
from taxi_predictor.adapters.memory.sources import MemoryPart
from taxi_predictor.adapters.memory.trips import MemoryQuarantine, MemoryTripStore
from taxi_predictor.domain.errors import Invalid, NotEnoughTrips
from taxi_predictor.domain.promotion import PromotionPolicy
from taxi_predictor.domain.trip import FinishedTrip
from taxi_predictor.ports.outbound.runs import RunKind
from taxi_predictor.ports.outbound.sources import PartName
from taxi_predictor.ports.testing.samples import NOON

DAY = timedelta(days=1)


async def test_no_trip_from_the_given_instant_on_is_used(world: World) -> None:
    until = FIRST + timedelta(days=49, hours=13, minutes=20)
    trained = await world.training.train(until=until)
    assert trained.manifest.split.until == until
    expected = 0
    async for batch in world.trips.between(trained.manifest.split.held_out_from, until):
        expected += len(batch)
    assert trained.report.held_out.n == expected


async def test_how_a_training_went_is_noted(world: World) -> None:
    await world.training.train()
    trained = world.run_notes.last(RunKind.TRAINING)
    assert trained is not None
    assert (trained.trouble, trained.ended_at) == (None, NOON)
    assert trained.took_s > 0
    with pytest.raises(NotEnoughTrips):
        await world.training.train(until=FIRST)
    failed = world.run_notes.last(RunKind.TRAINING)
    assert failed is not None
    assert failed.trouble == "not-enough-trips"


async def test_a_model_that_was_refused_is_no_success(world: World) -> None:
    world.policy = PromotionPolicy(min_training_trips=10**9)
    await world.training.train()
    refused = world.run_notes.last(RunKind.TRAINING)
    assert refused is not None
    assert refused.trouble == "promotion-refused"


async def test_the_manifest_names_the_families_of_its_own_window(world: World) -> None:
    await world.store(steady_trips(days=1, first=FIRST - timedelta(days=0.5), seed=3), family="early")
    await world.store(steady_trips(days=1, first=FIRST + timedelta(days=60), seed=4), family="late")
    assert (await world.training.train()).manifest.sources == ("early", "steady")


async def test_stored_trips_are_measured_on_days_the_model_has_not_seen(world: World) -> None:
    trained = await world.training.train()
    fresh = await world.evaluation.evaluate(None, baselines=True)
    assert fresh.seen_days == 0
    assert fresh.evaluation.overall.n == trained.report.held_out.n
    lift, judged = (
        known["mean duration"].lift for known in (fresh.evaluation.baselines(), trained.report.baselines)
    )
    assert lift == pytest.approx(judged)
    flattered = await world.evaluation.evaluate(None, since=FIRST + timedelta(days=10))
    assert flattered.seen_days == 44
    assert flattered.evaluation.overall.n == 50 * 300


async def test_where_the_trips_it_learned_from_are_gone_no_baseline_stands_beside_it(world: World) -> None:
    split = (await world.training.train()).manifest.split
    world.trips = MemoryTripStore(MemoryQuarantine())
    await world.store(steady_trips(days=3, first=split.held_out_from, seed=5))
    evaluated = await world.evaluation.evaluate(None, baselines=True)
    assert evaluated.evaluation.overall.n == 3 * TRIPS_A_DAY
    assert evaluated.evaluation.baselines() == {}


def a_part(*batches: Sequence[FinishedTrip]) -> MemoryPart:
    name = PartName(family="elsewhere", name=f"{len(batches)} batches")
    return MemoryPart(name=name, clean=[Polars().clean_batch(batch) for batch in batches])


async def test_trips_from_elsewhere_count_once_in_each_part_and_within_the_window(world: World) -> None:
    """A row that a part repeats is the same trip, in the next batch, too."""
    await world.training.train()
    trips = steady_trips(days=3, first=FIRST + 90 * DAY, seed=6)
    one, two = trips[: TRIPS_A_DAY + 20], trips[TRIPS_A_DAY:]
    parts = [a_part(one, one[:50], two), a_part(trips[:100])]

    async def counted(since: datetime | None, until: datetime | None) -> int:
        evaluated = await world.evaluation.evaluate(parts, since=since, until=until)
        assert (evaluated.seen_days, evaluated.levelled) == (0, None)
        return round(evaluated.evaluation.overall.n)

    first, second, third = (trips[day * TRIPS_A_DAY].plan.pickup_at for day in range(3))
    assert await counted(None, None) == len(trips) + 100
    assert await counted(second, None) == 2 * TRIPS_A_DAY
    assert await counted(None, third) == 2 * TRIPS_A_DAY + 100
    assert await counted(second, third) == TRIPS_A_DAY
    with pytest.raises(NotEnoughTrips, match="no trip to evaluate on"):
        await counted(None, first)


async def test_the_live_level_is_not_replayed_for_a_model_that_knows_none(world: World) -> None:
    world.trainer = BentTrainer(lambda manifest: replace(manifest, level_reference=()))
    await world.training.train()
    with pytest.raises(Invalid, match="version 1 knows no live level: train a new one"):
        await world.evaluation.evaluate(None, live_level=True)
