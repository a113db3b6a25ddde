"""Adapters that break what PredictionLog promises."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from contract.breaking import breaks
from taxi_predictor.adapters.memory.predictions import MemoryPredictionLog
from taxi_predictor.domain.prediction_id import PredictionId
from taxi_predictor.domain.record import PredictionRecord
from taxi_predictor.ports.testing.prediction_log import PredictionLogContract


@breaks(PredictionLogContract, "test_what_was_added_is_found_as_it_was")
class ForgetsReferences(MemoryPredictionLog):
    async def add(self, records: Sequence[PredictionRecord], /) -> int:
        return await super().add([replace(record, reference=None) for record in records])


@breaks(PredictionLogContract, "test_what_is_unknown_is_not_found")
class FindsSomething(MemoryPredictionLog):
    async def find(self, ids: Sequence[PredictionId], /) -> Mapping[PredictionId, PredictionRecord]:
        return await super().find(ids) or dict(self.records)


@breaks(PredictionLogContract, "test_adding_again_adds_nothing")
@breaks(PredictionLogContract, "test_writers_at_once_keep_every_record_once")
class CountsWhatItWasGiven(MemoryPredictionLog):
    async def add(self, records: Sequence[PredictionRecord], /) -> int:
        await super().add(records)
        return len(records)


@breaks(PredictionLogContract, "test_no_records_are_no_trouble", by=IndexError)
class LooksAtTheFirst(MemoryPredictionLog):
    async def add(self, records: Sequence[PredictionRecord], /) -> int:
        _month = records[0].answered_at.month
        return await super().add(records)


@breaks(PredictionLogContract, "test_a_window_holds_its_beginning_and_not_its_end")
class RecordsUpToTheEnd(MemoryPredictionLog):
    async def between(
        self, since: datetime, until: datetime, /
    ) -> AsyncGenerator[Sequence[PredictionRecord], None]:
        async for group in super().between(since, until + timedelta(microseconds=1)):
            yield group


@breaks(PredictionLogContract, "test_records_come_by_id_in_groups")
class AllRecordsAtOnce(MemoryPredictionLog):
    async def between(
        self, since: datetime, until: datetime, /
    ) -> AsyncGenerator[Sequence[PredictionRecord], None]:
        yield [record async for group in super().between(since, until) for record in group]


@breaks(PredictionLogContract, "test_a_reader_may_leave_early")
class WhoLeavesIsWaitedFor(MemoryPredictionLog):
    is_read = False

    async def between(
        self, since: datetime, until: datetime, /
    ) -> AsyncGenerator[Sequence[PredictionRecord], None]:
        if not self.is_read:
            self.is_read = True
            async for group in super().between(since, until):
                yield group
            self.is_read = False
