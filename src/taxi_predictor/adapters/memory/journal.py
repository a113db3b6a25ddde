"""The journal in a list."""

from collections.abc import Sequence

from taxi_predictor.ports.outbound.journal import Entry, Journal

__all__ = ["MemoryJournal"]


class MemoryJournal(Journal):
    def __init__(self) -> None:
        self._entries: list[Entry] = []

    async def write(self, entry: Entry, /) -> None:
        self._entries.append(entry)

    async def entries(self, *, limit: int) -> Sequence[Entry]:
        return self._entries[::-1][:limit]
