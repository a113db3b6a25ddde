"""Any order of predictions, outcomes, crashes and replays keeps the promises of the log.

A machine has some processes that share a spool, on a real disk, and a log that may be away, or may do
what it is told and then lose the answer. What was acknowledged is remembered, and looked for at the end.
"""

import asyncio
import os
from collections.abc import Coroutine
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    multiple,
    precondition,
    rule,
)

from apps.away_log import AwayLog
from taxi_predictor.adapters.memory.clock import MemoryClock
from taxi_predictor.adapters.memory.predictions import MemoryOutcomeLog, MemoryPredictionLog
from taxi_predictor.adapters.memory.telemetry import RecordingTelemetry
from taxi_predictor.adapters.spool.frames import framed
from taxi_predictor.adapters.spool.spool import DiskPredictionSpool
from taxi_predictor.domain.errors import StorageFull, Unavailable
from taxi_predictor.domain.prediction_id import PredictionId
from taxi_predictor.domain.record import Outcome, PredictionRecord
from taxi_predictor.ports.inbound.answers.recording import GroupCommit
from taxi_predictor.ports.inbound.answers.shipping import SpoolShipping
from taxi_predictor.ports.outbound.outcomes import Attached
from taxi_predictor.ports.testing.records import a_record, an_outcome
from taxi_predictor.ports.testing.samples import NOON

T = TypeVar("T")

PROCESSES = range(3)
ROOM = 3_000  # for some twenty records: it is full now and then


class Promises(RuleBasedStateMachine):
    answered = Bundle("answered")

    def __init__(self) -> None:
        super().__init__()
        self._folder = TemporaryDirectory(prefix="taxi-promises-")
        self.log = AwayLog()
        self.outcomes = MemoryOutcomeLog(self.log)
        self.spools = {number: self._a_spool() for number in PROCESSES}
        self.number = 0
        self.promised: dict[PredictionId, PredictionRecord] = {}
        self.acknowledged: dict[PredictionId, Outcome] = {}

    def teardown(self) -> None:
        """Whatever happened: once all is well again, all that was promised is there, and nothing twice."""
        self.log.is_away = self.log.loses_answers = False
        for number in PROCESSES:
            self._kill(number)
        run(self._shipping(self._a_spool()).ship())
        assert self.promised.items() <= self.log.records.items()
        assert self.acknowledged.items() <= self.outcomes.outcomes.items()
        assert not list(Path(self._folder.name).glob("*.part"))
        self._folder.cleanup()

    @rule(target=answered, process=st.sampled_from(PROCESSES), count=st.integers(1, 3))
    def predict(self, process: int, count: int) -> Any:
        records = self._records(count)
        try:
            self.spools[process].append(records)
        except StorageFull:
            return multiple()
        self.promised |= {record.prediction_id: record for record in records}
        return multiple(*(record.prediction_id for record in records))

    @rule(target=answered, count=st.integers(1, 3))
    def predict_where_no_disk_outlives_the_process(self, count: int) -> Any:
        records = self._records(count)
        try:
            run(GroupCommit(self.log, MemoryClock(NOON)).keep(records))
        except Unavailable:
            return multiple()  # nobody was told that they are kept; they may be
        self.promised |= {record.prediction_id: record for record in records}
        return multiple(*(record.prediction_id for record in records))

    @rule(process=st.sampled_from(PROCESSES), kept=st.floats(0, 0.99))
    def kill_in_the_midst_of_an_append(self, process: int, kept: float) -> None:
        """A part of it is written, and nobody was told of any."""
        own = self.spools[process]._own
        if own is not None:
            frame = framed(self._records(2))
            os.write(own.fd, frame[: int(len(frame) * kept)])
        self._kill(process)

    @rule(process=st.sampled_from(PROCESSES))
    def kill(self, process: int) -> None:
        self._kill(process)

    @rule(process=st.sampled_from(PROCESSES))
    def stop(self, process: int) -> None:
        run(self._shipping(self.spools[process]).close())
        self.spools[process] = self._a_spool()

    @rule(process=st.sampled_from(PROCESSES))
    def ship(self, process: int) -> None:
        try:
            run(self._shipping(self.spools[process]).ship())
        except Unavailable:
            assert self.log.is_away or self.log.loses_answers

    @rule(process=st.sampled_from(PROCESSES))
    def hand_over(self, process: int) -> None:
        self.spools[process].hand_over()
        assert self.spools[process]._own is None, "others cannot take it"

    @rule(process=st.sampled_from(PROCESSES))
    def kill_between_shipping_and_removing(self, process: int) -> None:
        """As the last that it does: its part is there for the next, which ships it again."""
        part = self.spools[process].take()
        if part is not None:
            for records in part.records():
                if not self.log.is_away:
                    run(MemoryPredictionLog.add(self.log, records))
            part.put_back()
        self._kill(process)

    @rule(is_away=st.booleans(), loses_answers=st.booleans())
    def change_the_weather(self, is_away: bool, loses_answers: bool) -> None:
        self.log.is_away, self.log.loses_answers = is_away, loses_answers

    @precondition(lambda self: not self.log.is_away)
    @rule(prediction_id=answered, duration_s=st.sampled_from([600.0, 700.0]))
    def report(self, prediction_id: PredictionId, duration_s: float) -> None:
        """Early or late, once or again, the same or another."""
        number = int(prediction_id[-12:], 16)
        outcome = an_outcome(number, duration_s=duration_s, reported_at=NOON + timedelta(hours=1))
        [told] = run(self.outcomes.attach([outcome]))
        known = self.acknowledged.get(prediction_id)
        if known is None:
            assert told is Attached.NEW
            self.acknowledged[prediction_id] = outcome
        else:
            assert told is (Attached.KNOWN if known == outcome else Attached.CONFLICT)

    @rule(prediction_id=consumes(answered))
    def what_is_in_the_log_is_what_was_answered(self, prediction_id: PredictionId) -> None:
        found = run(self.log.find([prediction_id]))
        assert found.get(prediction_id, self.promised[prediction_id]) == self.promised[prediction_id]

    @invariant()
    def the_spool_has_a_bound(self) -> None:
        """Each process knows what it took itself, and what others did a second ago."""
        sizes = [path.stat().st_size for path in Path(self._folder.name).glob("*.part")]
        assert sum(sizes) <= ROOM * (len(PROCESSES) + 1)

    def _records(self, count: int) -> list[PredictionRecord]:
        first, self.number = self.number, self.number + count
        return [a_record(number) for number in range(first, first + count)]

    def _a_spool(self) -> DiskPredictionSpool:
        return DiskPredictionSpool(Path(self._folder.name), max_bytes=ROOM)

    def _shipping(self, spool: DiskPredictionSpool) -> SpoolShipping:
        return SpoolShipping(
            spool=spool, log=self.log, clock=MemoryClock(NOON), telemetry=RecordingTelemetry()
        )

    def _kill(self, process: int) -> None:
        """The system frees its lock, and nothing else happens."""
        own = self.spools[process]._own
        if own is not None:
            os.close(own.fd)
        self.spools[process] = self._a_spool()


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(coroutine)


TestPromises = Promises.TestCase
TestPromises.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
