"""A backtest measures what each model could not know, and no origin twice."""

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from lifecycle import interrupted
from lifecycle.conftest import FIRST, TRIPS_A_DAY, BentTrainer, World, steady_trips
from taxi_predictor.adapters.disk.backtests import DiskBacktestStore
from taxi_predictor.domain.errors import Invalid, NotEnoughTrips
from taxi_predictor.domain.trip import FinishedTrip
from taxi_predictor.ports.inbound.learning.backtesting import BacktestReport

TZ = World.city.tz
MONDAY = datetime(2023, 1, 30, tzinfo=TZ)
WEEK = timedelta(days=7)
UNTIL = MONDAY + 3 * WEEK
ROOT = Path(__file__).parents[1]


async def backtest(world: World, *, live_level: bool = False) -> BacktestReport:
    return await world.backtest.run(MONDAY, UNTIL, every="week", live_level=live_level)


async def test_each_model_learns_from_the_trips_before_its_origin_and_no_other(world: World) -> None:
    report = await backtest(world)
    assert [each.fold.origin for each in report.measured] == [MONDAY, MONDAY + WEEK, MONDAY + 2 * WEEK]
    for each, data in zip(report.measured, world.trainer.fitted, strict=True):
        picked_up = [at for batch in data.batches for at in batch.table.get_column("pickup_at")]
        assert min(picked_up) == FIRST
        assert each.fold.origin - timedelta(hours=1) < max(picked_up) < each.fold.origin
        assert data.split.validate_from < data.split.held_out_from == each.fold.origin
        assert each.result.learned_from == len(picked_up)
        assert each.result.scores.n == 7 * TRIPS_A_DAY
        assert each.result.scores.coverage_80 == pytest.approx(0.8, abs=0.05)
        assert each.result.baselines["mean duration"].lift > 0.1
    assert report.skipped == []


async def test_it_registers_nothing_and_leaves_the_journal_alone(world: World) -> None:
    await backtest(world)
    assert (await world.registry.versions(), await world.deeds()) == ([], [])


async def test_a_second_run_trains_nothing_and_says_the_same(world: World) -> None:
    first = await backtest(world)
    world.trainer.fitted.clear()
    second = await backtest(world)
    assert world.trainer.fitted == []
    assert [each.result for each in second.measured] == [each.result for each in first.measured]
    assert [each.was_kept for each in (*first.measured, *second.measured)] == [False] * 3 + [True] * 3


async def test_new_trips_train_anew_only_the_origins_that_they_touch(world: World) -> None:
    await backtest(world)
    world.trainer.fitted.clear()
    # Into the second window: the first origin knows nothing of it.
    await world.store(steady_trips(days=1, first=MONDAY + WEEK, seed=9), family="late")
    report = await backtest(world)
    assert [each.was_kept for each in report.measured] == [True, False, False]
    assert len(world.trainer.fitted) == 2


@pytest.mark.parametrize("changed", ["seed", "code", "city", "live level"])
async def test_whatever_decides_a_result_trains_anew(world: World, changed: str) -> None:
    await backtest(world)
    world.trainer.fitted.clear()
    if changed == "city":
        world.city = replace(world.city, holidays=(*world.city.holidays, MONDAY.date()))
    run = world.backtest
    if changed == "seed":
        run._seed += 1
    if changed == "code":
        run._code_version += ".1"
    await run.run(MONDAY, UNTIL, every="week", live_level=changed == "live level")
    assert len(world.trainer.fitted) == 3


async def test_trips_ingested_meanwhile_are_measured_but_not_kept_as_if_they_had_been_there(
    world: World,
) -> None:
    more = steady_trips(days=1, first=MONDAY + timedelta(days=1), seed=9)
    trips, days = world.trips, world.trips.days

    async def days_then_more(time_zone: str, until: datetime | None, /) -> Sequence[object]:
        counted = await days(time_zone, until)
        await world.store(more, family="late")
        return counted

    trips.days = days_then_more  # type: ignore[method-assign] # the moment between counting and reading
    await world.backtest.run(MONDAY, MONDAY + WEEK, every="week")
    trips.days = days  # type: ignore[method-assign]
    [again] = (await world.backtest.run(MONDAY, MONDAY + WEEK, every="week")).measured
    assert again.result.scores.n == 8 * TRIPS_A_DAY
    assert not again.was_kept


async def test_a_run_that_was_killed_goes_on_where_it_was(world: World, tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", interrupted.__name__, str(tmp_path), str(MONDAY), str(UNTIL)),
        cwd=ROOT,
        # Killed, it leaves the folder of a model.
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path]), "TMPDIR": str(tmp_path)},
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    # Its second training has begun, and would never end.
    assert await asyncio.wait_for(process.stdout.readline(), 60) == interrupted.STUCK
    process.send_signal(signal.SIGKILL)
    await process.wait()

    world.backtests = DiskBacktestStore(tmp_path)
    report = await backtest(world)
    assert [each.was_kept for each in report.measured] == [True, False, False]
    undisturbed = World(trips=world.trips)
    assert [each.result for each in report.measured] == [
        each.result for each in (await backtest(undisturbed)).measured
    ]


async def test_origins_without_enough_trips_are_skipped_with_the_reason(world: World) -> None:
    report = await world.backtest.run(
        FIRST + timedelta(days=1), datetime(2023, 3, 13, tzinfo=TZ), every="week"
    )
    [few, none] = report.skipped
    assert few.fold.origin == datetime(2023, 1, 2, tzinfo=TZ)
    assert "at least 1,000 trips" in few.reason
    assert none.fold.origin == datetime(2023, 3, 6, tzinfo=TZ)
    assert "no trip to measure" in none.reason
    assert len(report.measured) == 8


async def test_nothing_before_the_first_origin_is_said_with_its_month(world: World) -> None:
    with pytest.raises(NotEnoughTrips, match=r"before January 2023.* ingest earlier months or move --from"):
        await world.backtest.run(FIRST, UNTIL)
    with pytest.raises(NotEnoughTrips, match="before July 2022"):
        await world.backtest.run(datetime(2022, 7, 1, tzinfo=TZ), UNTIL)
    with pytest.raises(Invalid, match="no month begins"):
        await world.backtest.run(MONDAY + WEEK, UNTIL)


def slower(trips: list[FinishedTrip], *, since: datetime) -> list[FinishedTrip]:
    return [
        replace(trip, duration_s=trip.duration_s * (1.5 if trip.plan.pickup_at >= since else 1))
        for trip in trips
    ]


async def test_the_live_level_follows_a_city_that_slows_down(two_months: list[FinishedTrip]) -> None:
    world = World()
    await world.store(slower(two_months, since=MONDAY))
    [first, *_] = (await backtest(world, live_level=True)).measured
    assert first.result.levelled is not None
    without, levelled = first.result.scores, first.result.levelled.scores()
    assert levelled is not None
    assert levelled.n == without.n
    assert levelled.mae_s < 0.95 * without.mae_s
    assert abs(levelled.bias_s) < 0.9 * abs(without.bias_s)
    assert (await backtest(World(trips=world.trips))).measured[0].result.scores == without


async def test_of_a_model_without_a_level_none_is_measured() -> None:
    world = World(trainer=BentTrainer(lambda manifest: replace(manifest, level_reference=())))
    await world.store(steady_trips(days=40))
    with pytest.raises(Invalid, match="knows no live level"):
        await backtest(world, live_level=True)
    assert (await backtest(world)).measured
    await world.training.train(until=MONDAY)
    with pytest.raises(Invalid, match="version 1 knows no live level"):
        await world.evaluation.evaluate(None, since=MONDAY, live_level=True)


async def test_a_last_window_may_end_within_a_day(world: World) -> None:
    for was_kept in (False, True):
        report = await world.backtest.run(MONDAY, MONDAY + timedelta(hours=36), every="week")
        [only] = report.measured
        assert (only.result.scores.n, only.was_kept) == (1.5 * TRIPS_A_DAY, was_kept)


async def test_an_evaluation_replays_the_level_on_stored_trips(two_months: list[FinishedTrip]) -> None:
    world = World()
    await world.store(slower(two_months, since=MONDAY))
    await world.training.train(until=MONDAY)
    plain = await world.evaluation.evaluate(None, since=MONDAY)
    levelled = await world.evaluation.evaluate(None, since=MONDAY, live_level=True)
    assert plain.levelled is None
    assert levelled.evaluation.scores() == plain.evaluation.scores()
    assert levelled.levelled is not None
    assert levelled.levelled.n == levelled.evaluation.overall.n
    assert levelled.levelled.mae_s < 0.95 * levelled.evaluation.overall.abs_error_s / levelled.levelled.n
    with pytest.raises(Invalid, match="stored trips only"):
        await world.evaluation.evaluate([], live_level=True)


async def test_an_evaluation_trains_no_baselines_unless_it_is_asked_to(world: World) -> None:
    await world.training.train()
    assert (await world.evaluation.evaluate(None)).evaluation.baselines() == {}
