"""The contract of Journal."""

import asyncio
from abc import abstractmethod
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from datetime import timedelta

from taxi_predictor.domain.model import ModelVersion
from taxi_predictor.ports.outbound.journal import Deed, Entry, Journal
from taxi_predictor.ports.testing.contract import Contract
from taxi_predictor.ports.testing.samples import NOON

__all__ = ["JournalContract", "an_entry"]


def an_entry(number: int, *, deed: Deed = Deed.TRAINED, reason: str = "it passed") -> Entry:
    """Written later the higher *number* is, by a clock that goes back."""
    at = NOON - timedelta(hours=number, microseconds=1)
    return Entry(at=at, actor="ada", deed=deed, version=ModelVersion(number), reason=reason)


async def versions(journal: Journal, *, limit: int = 100) -> Sequence[int]:
    return [entry.version for entry in await journal.entries(limit=limit)]


class JournalContract(Contract, of=Journal):
    @abstractmethod
    def open(self) -> AbstractAsyncContextManager[Journal]:
        """A journal without entries, fresh each time."""

    async def test_an_entry_comes_back_as_it_was_written(self) -> None:
        """Every deed, the time to the microsecond, and a reason of any text."""
        reason = "Ünïcode 🚕, 'quotes'\nand a second line; " + "long " * 2_000
        written = [an_entry(n, deed=deed, reason=reason) for n, deed in enumerate(Deed, 1)]
        async with self.open() as journal:
            assert list(await journal.entries(limit=10)) == []
            for entry in written:
                await journal.write(entry)
            assert list(await journal.entries(limit=10)) == written[::-1]

    async def test_the_order_is_that_of_writing(self) -> None:
        """Newest first, whatever the clocks said."""
        async with self.open() as journal:
            for number in (1, 3, 2):
                await journal.write(an_entry(number))
            assert await versions(journal) == [2, 3, 1]

    async def test_the_limit_keeps_the_newest(self) -> None:
        """Fewer than the limit are all of them."""
        async with self.open() as journal:
            for number in (1, 2, 3):
                await journal.write(an_entry(number))
            assert [await versions(journal, limit=limit) for limit in (1, 2, 3, 4)] == [
                [3],
                [3, 2],
                [3, 2, 1],
                [3, 2, 1],
            ]

    async def test_equal_entries_are_two(self) -> None:
        """What was done twice stands there twice."""
        async with self.open() as journal:
            for _deed in range(2):
                await journal.write(an_entry(1))
            assert await versions(journal) == [1, 1]

    async def test_writers_at_once_lose_nothing(self) -> None:
        """Each entry is there once."""
        async with self.open() as journal:
            await asyncio.gather(*(journal.write(an_entry(number)) for number in range(10)))
            assert sorted(await versions(journal)) == list(range(10))
