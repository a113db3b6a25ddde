"""Who asks in the same turn of the event loop is answered together, and each by itself as far as it goes."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from taxi_predictor.adapters.memory.clock import MemoryClock
from taxi_predictor.adapters.memory.predictions import MemoryPredictionLog
from taxi_predictor.adapters.memory.spool import MemoryPredictionSpool
from taxi_predictor.adapters.memory.telemetry import RecordingTelemetry
from taxi_predictor.domain.errors import InvalidTrip, StorageFull
from taxi_predictor.domain.place import Place, Point
from taxi_predictor.domain.record import PredictionRecord
from taxi_predictor.domain.trip import TripPlan
from taxi_predictor.ports.inbound.answers.answering import Answered, Answering
from taxi_predictor.ports.inbound.answers.predicting import DurationPredictor
from taxi_predictor.ports.inbound.answers.recording import (
    Asker,
    GroupCommit,
    PredictionRecording,
    Recorder,
    SpoolRecorder,
    Unlogged,
)
from taxi_predictor.ports.outbound.watch import Watch, watched_by
from taxi_predictor.ports.testing.samples import NOON, a_trip
from waiting import quiet

TRIPS = [a_trip(1, at=NOON + timedelta(hours=3 * number)).plan for number in range(5)]
NOWHERE = replace(TRIPS[0], dropoff=Place(Point(0.0, 0.0)))


class CountingSpool(MemoryPredictionSpool):
    def __init__(self) -> None:
        super().__init__()
        self.groups: list[int] = []

    def append(self, records: Sequence[PredictionRecord], /) -> None:
        self.groups.append(len(records))
        super().append(records)


class FullSpool(MemoryPredictionSpool):
    def append(self, records: Sequence[PredictionRecord], /) -> None:
        raise StorageFull("no room")


class Ending(Recorder):
    """The process ends meanwhile."""

    async def keep(self, records: Sequence[PredictionRecord], /) -> None:
        raise asyncio.CancelledError


class GatedLog(MemoryPredictionLog):
    def __init__(self) -> None:
        super().__init__()
        self.gate = asyncio.Event()

    async def add(self, records: Sequence[PredictionRecord], /) -> int:
        await self.gate.wait()
        return await super().add(records)


def answering(
    predictor: DurationPredictor, recorder: Recorder, unlogged: Unlogged = Unlogged.REFUSE
) -> Answering:
    recording = PredictionRecording(
        recorder=recorder, unlogged=unlogged, clock=MemoryClock(NOON), telemetry=RecordingTelemetry()
    )
    return Answering(predictor=predictor, recording=recording)


async def ask(use_case: Answering, *plans: TripPlan) -> list[Answered | BaseException]:
    asked = (use_case.answer(plan, asker=Asker("app", f"order {n}")) for n, plan in enumerate(plans))
    return await asyncio.gather(*asked, return_exceptions=True)


async def test_each_is_answered_its_own_trip_and_all_are_kept_at_once(predictor: DurationPredictor) -> None:
    spool = CountingSpool()
    answers = await ask(answering(predictor, SpoolRecorder(spool)), *TRIPS)
    assert spool.groups == [len(TRIPS)]
    part = spool.take()
    assert part is not None
    kept = {record.prediction_id: record for records in part.records() for record in records}
    for number, (plan, answer) in enumerate(zip(TRIPS, answers, strict=True)):
        assert isinstance(answer, Answered)
        assert answer.is_logged
        [alone] = predictor.predict([plan])
        assert answer.prediction == alone
        record = kept[answer.prediction_id]
        assert (record.plan, record.reference) == (plan, f"order {number}")
        assert record.duration_s == alone.duration_s
    assert len({prediction.duration_s for prediction in kept.values()}) > 1


async def test_one_that_cannot_be_predicted_spoils_no_other(predictor: DurationPredictor) -> None:
    spool = CountingSpool()
    first, wrong, last = await ask(answering(predictor, SpoolRecorder(spool)), TRIPS[0], NOWHERE, TRIPS[1])
    assert isinstance(wrong, InvalidTrip)
    assert isinstance(first, Answered)
    assert isinstance(last, Answered)
    assert spool.groups == [2]


async def test_where_none_can_be_predicted_nothing_is_kept(predictor: DurationPredictor) -> None:
    spool = CountingSpool()
    answers = await ask(answering(predictor, SpoolRecorder(spool)), NOWHERE, NOWHERE)
    assert [type(answer) for answer in answers] == [InvalidTrip] * 2
    assert spool.groups == []


@pytest.mark.parametrize("unlogged", Unlogged)
async def test_what_cannot_be_kept_is_refused_or_says_so(
    predictor: DurationPredictor, unlogged: Unlogged
) -> None:
    answers = await ask(answering(predictor, SpoolRecorder(FullSpool()), unlogged), *TRIPS)
    for answer in answers:
        if unlogged is Unlogged.REFUSE:
            assert isinstance(answer, StorageFull)
        else:
            assert isinstance(answer, Answered)
            assert not answer.is_logged


async def test_one_that_leaves_is_kept_and_holds_up_nobody(predictor: DurationPredictor) -> None:
    log = GatedLog()
    use_case = answering(predictor, GroupCommit(log, MemoryClock(NOON)))
    leaving, staying = (asyncio.create_task(use_case.answer(plan, asker=Asker("app"))) for plan in TRIPS[:2])
    await quiet()
    leaving.cancel()
    log.gate.set()
    assert (await staying).is_logged
    assert leaving.cancelled()
    assert await log.count() == 2


async def test_who_asks_while_others_are_kept_waits_for_their_own(predictor: DurationPredictor) -> None:
    log = GatedLog()
    use_case = answering(predictor, GroupCommit(log, MemoryClock(NOON)))
    first = asyncio.create_task(use_case.answer(TRIPS[0], asker=Asker("app")))
    await quiet()
    second = asyncio.create_task(use_case.answer(TRIPS[1], asker=Asker("app")))
    await quiet()
    assert not first.done()
    log.gate.set()
    assert {(await task).prediction.plan for task in (first, second)} == set(TRIPS[:2])


async def test_where_it_is_cut_short_nobody_waits_for_ever(predictor: DurationPredictor) -> None:
    async with asyncio.timeout(5):
        answers = await ask(answering(predictor, Ending()), *TRIPS)
    assert [type(answer) for answer in answers] == [asyncio.CancelledError] * len(TRIPS)


@pytest.mark.parametrize("count", [1, 3])
async def test_the_parts_are_noted_with_each_who_asked(predictor: DurationPredictor, count: int) -> None:
    use_case = answering(predictor, SpoolRecorder(CountingSpool()))
    predictor.serving()  # it is warm from then on
    watches = [Watch(f"request {number}") for number in range(count)]

    async def watched(watch: Watch, plan: TripPlan) -> None:
        watched_by(watch)
        await use_case.answer(plan, asker=Asker("app"))

    await asyncio.gather(*map(watched, watches, TRIPS))
    for watch in watches:
        assert watch.parts.keys() == {"features", "model", "log"}
        assert watch.parts["model"].times == count
        assert 0 < watch.parts["model"].busy_s <= watch.elapsed_s
    assert len({id(part) for watch in watches for part in watch.parts.values()}) == 3 * count
