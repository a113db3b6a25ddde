"""Outcomes that were reported become trips, whenever their predictions come; those that never do are told."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from taxi_predictor.adapters.memory.clock import MemoryClock
from taxi_predictor.adapters.memory.notes import MemoryRunNotes
from taxi_predictor.adapters.memory.predictions import MemoryOutcomeLog, MemoryPredictionLog
from taxi_predictor.adapters.memory.progress import MemoryProgress
from taxi_predictor.adapters.memory.telemetry import RecordingTelemetry
from taxi_predictor.adapters.memory.trips import MemoryQuarantine, MemoryTripStore
from taxi_predictor.adapters.memory.zones import MemoryZoneStore
from taxi_predictor.adapters.sources.catalog import Catalog
from taxi_predictor.domain.errors import ConflictingOutcome, Unavailable
from taxi_predictor.domain.record import Outcome
from taxi_predictor.ports.inbound.answers import feedback
from taxi_predictor.ports.inbound.answers.feedback import Feedback, Report, Reported
from taxi_predictor.ports.inbound.runs import RunBook
from taxi_predictor.ports.inbound.trips import outcome_intake
from taxi_predictor.ports.inbound.trips.intake import TripIntake
from taxi_predictor.ports.inbound.trips.outcome_intake import (
    MARGIN,
    ORPHANED_AFTER,
    OutcomeIntake,
    late_orphans,
)
from taxi_predictor.ports.outbound.outcomes import Attached
from taxi_predictor.ports.testing.records import a_prediction_id, a_record, an_outcome
from taxi_predictor.ports.testing.samples import NOON
from taxi_predictor.ports.testing.strategies import A_CITY

LATER = NOON + timedelta(hours=1)
MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A service's feedback, what makes trips of it, and what is around them."""

    feedback: Feedback
    outcome_intake: OutcomeIntake
    clock: MemoryClock
    predictions: MemoryPredictionLog
    outcomes: MemoryOutcomeLog
    trips: MemoryTripStore
    quarantine: MemoryQuarantine
    telemetry: RecordingTelemetry

    async def predict(self, *numbers: int) -> None:
        await self.predictions.add([a_record(number) for number in numbers])

    async def report(self, *numbers: int, duration_s: float = 700.0) -> Sequence[object]:
        reports = [Report(prediction_id=a_prediction_id(n), duration_s=duration_s) for n in numbers]
        return await self.feedback.report(reports, owner="dispatch")

    async def stored(self) -> int:
        return sum([len(batch) async for batch in self.trips.between(None, None)])


def a_world(
    *,
    outcomes: type[MemoryOutcomeLog] = MemoryOutcomeLog,
    every: timedelta | None = None,
    max_rejects: float = 0.3,
) -> World:
    clock, telemetry, predictions = MemoryClock(LATER), RecordingTelemetry(), MemoryPredictionLog()
    log, quarantine, progress = outcomes(predictions), MemoryQuarantine(), MemoryProgress()
    trips = MemoryTripStore(quarantine)
    intake = TripIntake(
        catalog=Catalog(
            city=A_CITY,
            cache=Path("unused"),
            tlc_url="http://127.0.0.1:9",
            outcomes=log,
            progress=progress,
        ),
        trips=trips,
        zones=MemoryZoneStore(),
        progress=progress,
        max_reject_share=max_rejects,
        runs=RunBook(notes=MemoryRunNotes(), clock=clock, telemetry=telemetry),
    )
    return World(
        feedback=Feedback(
            predictions=predictions, outcomes=log, clock=clock, city=A_CITY, kept_for=timedelta(days=400)
        ),
        outcome_intake=another(log, intake, telemetry, clock, every),
        clock=clock,
        predictions=predictions,
        outcomes=log,
        trips=trips,
        quarantine=quarantine,
        telemetry=telemetry,
    )


def another(
    log: MemoryOutcomeLog,
    intake: TripIntake,
    telemetry: RecordingTelemetry,
    clock: MemoryClock,
    every: timedelta | None = None,
) -> OutcomeIntake:
    return OutcomeIntake(outcomes=log, intake=intake, telemetry=telemetry, clock=clock, every=every)


# What is said to whoever reports


async def test_each_report_is_answered_for_itself_and_in_its_order() -> None:
    world = a_world()
    await world.predict(1, 2)
    await world.report(2)
    first, early = await world.report(1, 9)
    known, impossible = [*await world.report(2), *await world.report(1, duration_s=1.0)]
    [conflict] = await world.report(1, duration_s=800.0)
    assert isinstance(first, Reported)
    assert (first.is_new, first.is_early) == (True, False)
    assert isinstance(early, Reported)
    assert (early.is_new, early.is_early) == (True, True)
    assert isinstance(known, Reported)
    assert (known.is_new, known.is_early) == (False, False)
    assert isinstance(conflict, ConflictingOutcome)
    assert "too-short" in str(impossible)
    assert sorted(world.outcomes.outcomes) == [a_prediction_id(number) for number in (1, 2, 9)]


async def test_nothing_is_asked_of_the_log_where_nothing_is_reported() -> None:
    class Away(MemoryOutcomeLog):
        async def attach(self, outcomes: Sequence[Outcome], /) -> Sequence[Attached]:
            raise Unavailable("away")

    world = a_world(outcomes=Away)
    assert list(await world.report()) == []
    assert len(await world.report(1, duration_s=1.0)) == 1
    with pytest.raises(Unavailable):
        await world.report(1)


async def test_whoever_reports_does_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    class Hangs(MemoryOutcomeLog):
        async def attach(self, outcomes: Sequence[Outcome], /) -> Sequence[Attached]:
            await asyncio.sleep(60)
            raise AssertionError("it was waited for")

    monkeypatch.setattr(feedback, "PATIENCE_S", 0.01)
    with pytest.raises(Unavailable, match=r"within 0\.01 s"):
        await a_world(outcomes=Hangs).report(1)


# Trips


async def test_what_was_reported_becomes_a_trip_once() -> None:
    world = a_world()
    await world.predict(1, 2)
    await world.report(1)
    world.clock.advance(MINUTE)
    assert (await world.outcome_intake.take_in()).added == 1
    await world.report(2)
    world.clock.advance(MINUTE)
    assert (await world.outcome_intake.take_in()).added == 1
    world.clock.advance(MINUTE)
    assert (await world.outcome_intake.take_in()).added == 0
    assert await world.stored() == 2


async def test_an_hour_is_not_read_again_where_nothing_became_of_it() -> None:
    world = a_world()
    await world.predict(1)
    await world.report(1)
    world.clock.advance(2 * MARGIN)
    assert (await world.outcome_intake.take_in()).read == 1
    world.clock.advance(2 * MARGIN)
    assert (await world.outcome_intake.take_in()).read == 0


async def test_a_prediction_that_comes_days_after_its_outcome_makes_a_trip_too() -> None:
    world = a_world()
    await world.report(1)
    for _ in range(3):
        world.clock.advance(timedelta(days=1))
        assert (await world.outcome_intake.take_in()).read == 0
    await world.predict(1)
    world.clock.advance(timedelta(days=1))
    assert (await world.outcome_intake.take_in()).added == 1


async def test_an_outcome_that_was_committed_late_is_not_missed() -> None:
    """Its time is from before the last look, by a clock of another host."""
    world = a_world()
    await world.predict(1, 2)
    await world.report(1)
    world.clock.advance(MINUTE)
    await world.outcome_intake.take_in()
    at = world.clock.now() - MARGIN / 2
    await world.outcomes.attach([an_outcome(2, reported_at=at)])
    world.clock.advance(MINUTE)
    assert (await world.outcome_intake.take_in()).added == 1


async def test_outcomes_that_wait_are_found_again_however_many_they_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """More than are looked at together, reported in different hours: the log was away for long."""
    monkeypatch.setattr(outcome_intake, "MAX_ORPHANS", 2)
    world = a_world()
    for hour in range(3):
        await world.outcomes.attach(
            [an_outcome(3 * hour + n, reported_at=world.clock.now()) for n in range(3)]
        )
        await world.outcome_intake.take_in()
        world.clock.advance(timedelta(hours=1))
    await world.outcome_intake.take_in()
    await world.predict(*range(9))
    world.clock.advance(MINUTE)
    assert (await world.outcome_intake.take_in()).added == 9


async def test_what_failed_is_done_the_next_time() -> None:
    class FailsOnce(MemoryOutcomeLog):
        has_failed = False

        async def orphans(self, since: datetime, until: datetime, /, *, limit: int) -> Sequence[Outcome]:
            if not self.has_failed:
                self.has_failed = True
                raise Unavailable("away")
            return await super().orphans(since, until, limit=limit)

    world = a_world(outcomes=FailsOnce)
    await world.predict(1)
    await world.report(1)
    world.clock.advance(timedelta(hours=23))
    with pytest.raises(Unavailable):
        await world.outcome_intake.take_in()
    assert (await world.outcome_intake.take_in()).added == 1


async def test_an_hour_that_is_refused_stops_no_other(caplog: pytest.LogCaptureFixture) -> None:
    """100 rows that no cleaning would let through, and an hour later one that it does."""
    world = a_world()
    await world.predict(*range(101))
    await world.outcomes.attach([an_outcome(n, duration_s=1.0, reported_at=LATER) for n in range(100)])
    world.clock.advance(timedelta(hours=1))
    await world.report(100)
    world.clock.advance(MINUTE)
    with caplog.at_level(logging.WARNING):
        assert (await world.outcome_intake.take_in()).added == 1
    [refused] = [record for record in caplog.records if record.message == "outcomes.refused"]
    assert vars(refused)["source"] == "outcomes:2023-01-15T18"


async def test_two_processes_that_take_in_at_once_make_a_trip_once() -> None:
    world = a_world()
    await world.predict(*range(20))
    await world.report(*range(20))
    world.clock.advance(MINUTE)
    both = [
        world.outcome_intake,
        another(
            world.outcomes,
            world.outcome_intake._intake,  # the same store
            world.telemetry,
            world.clock,
        ),
    ]
    added = await asyncio.gather(*(one.take_in() for one in both))
    assert sum(report.added for report in added) == 20
    assert await world.stored() == 20


# Orphans


async def test_an_outcome_without_a_prediction_is_told_after_a_while_and_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    world = a_world()
    await world.report(1, 2)
    with caplog.at_level(logging.WARNING):
        world.clock.advance(ORPHANED_AFTER)
        await world.outcome_intake.tell_orphans()
        assert world.telemetry.orphans == 0
        assert not caplog.records
        for _ in range(2):
            world.clock.advance(MINUTE)
            await world.outcome_intake.tell_orphans()
        assert world.telemetry.orphans == 2
        assert len(await late_orphans(world.outcomes, world.clock.now())) == 2
        [warning] = caplog.records
        assert (warning.message, vars(warning)["outcomes"]) == ("outcomes.orphaned", 2)
        await world.predict(1)
        await world.outcome_intake.tell_orphans()
    assert world.telemetry.orphans == 1
    assert len(caplog.records) == 1


# For ever


@asynccontextmanager
async def following(world: World) -> AsyncIterator[None]:
    task = asyncio.create_task(world.outcome_intake.follow())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_following_goes_on_after_troubles() -> None:
    third_time = asyncio.Event()

    class FailsFirst(MemoryOutcomeLog):
        calls = 0

        async def orphans(self, since: datetime, until: datetime, /, *, limit: int) -> Sequence[Outcome]:
            self.calls += 1
            if self.calls == 1:
                raise Unavailable("away")
            if self.calls == 3:
                third_time.set()
            return await super().orphans(since, until, limit=limit)

    world = a_world(outcomes=FailsFirst, every=timedelta(milliseconds=1))
    await world.predict(1)
    await world.report(1)
    world.clock.advance(MINUTE)
    async with following(world), asyncio.timeout(10):
        await third_time.wait()
    assert await world.stored() == 1


async def test_nobody_follows_where_that_is_off() -> None:
    async with asyncio.timeout(5):
        await a_world(every=None).outcome_intake.follow()
