"""What is kept before it is answered, and what becomes of an answer that cannot be."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import pytest

from taxi_predictor.adapters.memory.clock import MemoryClock
from taxi_predictor.adapters.memory.predictions import MemoryPredictionLog
from taxi_predictor.adapters.memory.spool import MemoryPredictionSpool
from taxi_predictor.adapters.memory.telemetry import Logged, RecordingTelemetry, Unlogged
from taxi_predictor.domain.errors import StorageFull, Unavailable
from taxi_predictor.domain.record import PredictionRecord
from taxi_predictor.ports.inbound.answers import recording
from taxi_predictor.ports.inbound.answers.predicting import DurationPredictor
from taxi_predictor.ports.inbound.answers.prediction import Prediction
from taxi_predictor.ports.inbound.answers.recording import (
    Asker,
    GroupCommit,
    PredictionRecording,
    Recorder,
    SpoolRecorder,
)
from taxi_predictor.ports.inbound.answers.shipping import SpoolShipping
from taxi_predictor.ports.testing.samples import NOON, a_trip
from waiting import quiet


class SlowLog(MemoryPredictionLog):
    """Answers when it is let; *trouble* is what it says instead."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = asyncio.Semaphore(0)
        self.trouble: Unavailable | None = None
        self.groups: list[int] = []

    async def add(self, records: Sequence[PredictionRecord], /) -> int:
        self.groups.append(len(records))
        await self.gate.acquire()
        if self.trouble:
            raise self.trouble
        return await super().add(records)


class FullSpool(MemoryPredictionSpool):
    def append(self, records: Sequence[PredictionRecord], /) -> None:
        raise StorageFull("no room")


def recorded_by(
    recorder: Recorder | None, unlogged: recording.Unlogged = recording.Unlogged.ANSWER
) -> tuple[PredictionRecording, RecordingTelemetry]:
    telemetry = RecordingTelemetry()
    clock = MemoryClock(NOON)
    return PredictionRecording(
        recorder=recorder, unlogged=unlogged, clock=clock, telemetry=telemetry
    ), telemetry


@pytest.fixture
def prediction(predictor: DurationPredictor) -> Prediction:
    [prediction] = predictor.predict([a_trip(1).plan])
    return prediction


async def test_what_is_kept_is_what_was_answered(prediction: Prediction) -> None:
    spool, log = MemoryPredictionSpool(), MemoryPredictionLog()
    use_case, telemetry = recorded_by(SpoolRecorder(spool))
    kept = await use_case.keep([prediction, prediction], askers=[Asker("app", "order 7"), Asker("app")])
    shipping = SpoolShipping(spool=spool, log=log, clock=MemoryClock(NOON), telemetry=telemetry)
    assert await shipping.ship() == 2
    found = await log.find(kept.prediction_ids)
    first, second = (found[prediction_id] for prediction_id in kept.prediction_ids)
    assert (first.plan, first.duration_s, first.version, first.owner, first.reference) == (
        prediction.plan,
        prediction.duration_s,
        prediction.served.version,
        "app",
        "order 7",
    )
    assert (first.lower_s, first.upper_s) == prediction.interval_s(0.8)
    assert second.reference is None
    assert first.answered_at == NOON
    assert telemetry.calls[0] == Logged(2)
    assert kept.is_logged


async def test_without_a_log_a_prediction_has_a_name_all_the_same(prediction: Prediction) -> None:
    use_case, telemetry = recorded_by(None)
    kept = await use_case.keep([prediction], askers=[Asker("app")])
    assert len(kept.prediction_ids) == 1
    assert not kept.is_logged
    assert telemetry.calls == []


async def test_what_cannot_be_kept_is_answered_and_counted(prediction: Prediction) -> None:
    use_case, telemetry = recorded_by(SpoolRecorder(FullSpool()))
    kept = await use_case.keep([prediction], askers=[Asker("app")])
    assert not kept.is_logged
    assert telemetry.calls == [Unlogged(1)]


async def test_or_it_is_refused_where_that_is_wanted(prediction: Prediction) -> None:
    use_case, telemetry = recorded_by(SpoolRecorder(FullSpool()), recording.Unlogged.REFUSE)
    with pytest.raises(StorageFull):
        await use_case.keep([prediction], askers=[Asker("app")])
    assert telemetry.calls == [Unlogged(1)]


async def test_what_comes_during_a_commit_goes_with_the_next(prediction: Prediction) -> None:
    log = SlowLog()
    use_case, _ = recorded_by(GroupCommit(log, MemoryClock(NOON)))

    async def keep() -> recording.Kept:
        return await use_case.keep([prediction], askers=[Asker("app")])

    first = asyncio.create_task(keep())
    await quiet()
    others = [asyncio.create_task(keep()) for _ in range(5)]
    await quiet()
    assert log.groups == [1]
    log.gate.release()
    assert (await first).is_logged
    log.gate.release()
    kept = await asyncio.gather(*others)
    assert all(one.is_logged for one in kept)
    assert log.groups == [1, 5]
    assert await log.count() == 6


async def test_one_that_gives_up_takes_the_commit_from_nobody(prediction: Prediction) -> None:
    log = SlowLog()
    use_case, _ = recorded_by(GroupCommit(log, MemoryClock(NOON)))
    leaving, staying = (
        asyncio.create_task(use_case.keep([prediction], askers=[Asker("app")])) for _ in range(2)
    )
    await quiet()
    leaving.cancel()
    await quiet()
    log.gate.release()
    assert (await staying).is_logged
    assert await log.count() == 2


async def test_a_log_that_does_not_answer_is_left_alone_for_a_second(
    prediction: Prediction, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording, "PATIENCE_S", 0.05)
    log, clock = SlowLog(), MemoryClock(NOON)
    use_case, _ = recorded_by(GroupCommit(log, clock))
    for _ in range(3):
        assert not (await use_case.keep([prediction], askers=[Asker("app")])).is_logged
    assert log.groups == [1]
    clock.advance(timedelta(seconds=1))
    log.gate.release()
    log.gate.release()
    assert (await use_case.keep([prediction], askers=[Asker("app")])).is_logged


async def test_a_log_that_refuses_fails_all_who_wait_for_it(prediction: Prediction) -> None:
    log = SlowLog()
    log.trouble = StorageFull("no room")
    log.gate.release()
    use_case, telemetry = recorded_by(GroupCommit(log, MemoryClock(NOON)), recording.Unlogged.REFUSE)
    outcomes = await asyncio.gather(
        *(use_case.keep([prediction], askers=[Asker("app")]) for _ in range(3)),
        return_exceptions=True,
    )
    assert [type(outcome) for outcome in outcomes] == [StorageFull] * 3
    assert telemetry.calls == [Unlogged(1)] * 3
