"""The contract of PredictionLog: every record once, as it was."""

import asyncio
from abc import abstractmethod
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, aclosing
from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from taxi_predictor.domain.record import PredictionRecord
from taxi_predictor.ports.outbound.predictions import PredictionLog
from taxi_predictor.ports.testing.contract import Contract
from taxi_predictor.ports.testing.records import a_prediction_id, a_record, records
from taxi_predictor.ports.testing.samples import NOON
from taxi_predictor.ports.testing.tables import CONTRACT

__all__ = ["PredictionLogContract", "logged"]

MONTHS = [NOON + timedelta(days=40 * number) for number in range(3)]
MANY = 1_200  # more than anybody yields at once


async def logged(log: PredictionLog, since: datetime, until: datetime) -> list[PredictionRecord]:
    async with aclosing(log.between(since, until)) as groups:
        return [record async for group in groups for record in group]


def by_id(records_: Sequence[PredictionRecord]) -> list[PredictionRecord]:
    return sorted(records_, key=lambda record: record.prediction_id)


class PredictionLogContract(Contract, of=PredictionLog):
    @abstractmethod
    def open(self) -> AbstractAsyncContextManager[PredictionLog]:
        """A log in which nothing is kept."""

    @CONTRACT
    @given(kept=st.lists(records(), max_size=5, unique_by=lambda record: record.prediction_id))
    async def test_what_was_added_is_found_as_it_was(self, kept: list[PredictionRecord]) -> None:
        """Every field, of any month, in one call."""
        async with self.open() as log:
            assert await log.add(kept) == len(kept)
            found = await log.find([record.prediction_id for record in kept])
            assert found == {record.prediction_id: record for record in kept}
            assert await log.count() == len(kept)

    async def test_what_is_unknown_is_not_found(self) -> None:
        """And nothing is found where nothing is asked for."""
        async with self.open() as log:
            await log.add([a_record(1)])
            assert await log.find([a_prediction_id(2), a_prediction_id(1, at=MONTHS[1])]) == {}
            assert await log.find([]) == {}

    async def test_adding_again_adds_nothing(self) -> None:
        """Alone, among new ones, and twice in one call; the first write wins."""
        async with self.open() as log:
            assert await log.add([a_record(1)]) == 1
            assert await log.add([a_record(1)]) == 0
            other = replace(a_record(1), duration_s=601.5)
            assert await log.add([other, a_record(2), replace(a_record(2), mu=0.0), a_record(3)]) == 2
            assert await logged(log, NOON, MONTHS[1]) == [a_record(1), a_record(2), a_record(3)]
            assert await log.count() == 3

    async def test_no_records_are_no_trouble(self) -> None:
        """Nothing happens."""
        async with self.open() as log:
            assert await log.add([]) == 0
            assert await log.count() == 0

    async def test_writers_at_once_keep_every_record_once(self) -> None:
        """They overlap, and come with months that nobody had before; together they count each once."""
        async with self.open() as log:
            shares = [
                [a_record(number, at=at) for at in MONTHS for number in range(first, first + 20)]
                for first in (0, 10, 20)
            ]
            assert sum(await asyncio.gather(*map(log.add, shares))) == 40 * len(MONTHS)
            assert await log.count() == 40 * len(MONTHS)

    async def test_a_window_holds_its_beginning_and_not_its_end(self) -> None:
        """Whatever clock it is told by."""
        async with self.open() as log:
            await log.add([a_record(1, at=at) for at in MONTHS])
            tokyo = ZoneInfo("Asia/Tokyo")
            window = (MONTHS[0].astimezone(tokyo), MONTHS[2].astimezone(tokyo))
            assert await logged(log, *window) == [a_record(1, at=at) for at in MONTHS[:2]]

    async def test_records_come_by_id_in_groups(self) -> None:
        """However they were added; no group is empty."""
        kept = [a_record(number, at=at) for at in MONTHS[:2] for number in range(MANY // 2)]
        async with self.open() as log:
            await log.add(kept[1::2])
            await log.add(kept[::2])
            async with aclosing(log.between(NOON, MONTHS[2])) as groups:
                sizes = [len(group) async for group in groups]
            assert len(sizes) > 1, "bounded memory"
            assert 0 not in sizes
            is_in_order = await logged(log, NOON, MONTHS[2]) == by_id(kept)
            assert is_in_order, "not by id, or not all of them"

    async def test_a_reader_may_leave_early(self) -> None:
        """And the next one reads everything; several may read at once."""
        async with self.open() as log:
            await log.add([a_record(number) for number in range(MANY)])
            for _ in range(5):
                async with aclosing(log.between(NOON, MONTHS[1])) as groups:
                    async for _group in groups:
                        break
            both = await asyncio.gather(*[logged(log, NOON, MONTHS[1]) for _ in range(2)])
            assert [len(read) for read in both] == [MANY, MANY]
