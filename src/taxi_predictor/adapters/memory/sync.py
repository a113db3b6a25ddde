"""A note that is a variable."""

from taxi_predictor.ports.outbound.sync import SyncNotes, SyncState

__all__ = ["MemorySyncNotes"]


class MemorySyncNotes(SyncNotes):
    def __init__(self) -> None:
        self._state: SyncState | None = None

    def note(self, state: SyncState, /) -> None:
        self._state = state

    def last(self) -> SyncState | None:
        return self._state
