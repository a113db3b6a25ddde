"""What a model learns from and is measured on is what it says."""

from datetime import timedelta

import pytest

from lifecycle.conftest import FIRST, World, steady_trips
from taxi_predictor.domain.errors import NotEnoughTrips
from taxi_predictor.domain.promotion import PromotionPolicy
from taxi_predictor.ports.outbound.runs import RunKind
from taxi_predictor.ports.testing.samples import NOON


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
