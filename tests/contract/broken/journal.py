"""Adapters that break what Journal promises."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from contract.breaking import breaks
from taxi_predictor.adapters.memory.journal import MemoryJournal
from taxi_predictor.ports.outbound.journal import Entry
from taxi_predictor.ports.testing.journal import JournalContract


@breaks(JournalContract, "test_an_entry_comes_back_as_it_was_written")
class KeepsShortReasons(MemoryJournal):
    async def write(self, entry: Entry, /) -> None:
        await super().write(replace(entry, reason=entry.reason[:1_000]))


@breaks(JournalContract, "test_the_order_is_that_of_writing")
class TrustsClocks(MemoryJournal):
    async def entries(self, *, limit: int) -> Sequence[Entry]:
        return sorted(self._entries, key=lambda entry: entry.at, reverse=True)[:limit]


@breaks(JournalContract, "test_the_limit_keeps_the_newest")
class KeepsTheOldest(MemoryJournal):
    async def entries(self, *, limit: int) -> Sequence[Entry]:
        return self._entries[:limit][::-1]


@breaks(JournalContract, "test_equal_entries_are_two")
class KeepsASet(MemoryJournal):
    async def write(self, entry: Entry, /) -> None:
        if entry not in self._entries:
            await super().write(entry)


@breaks(JournalContract, "test_writers_at_once_lose_nothing")
class ForgetsOtherWriters(MemoryJournal):
    async def write(self, entry: Entry, /) -> None:
        before = self._entries
        await asyncio.sleep(0)
        self._entries = [*before, entry]
