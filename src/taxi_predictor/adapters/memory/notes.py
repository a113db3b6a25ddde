"""Notes that are gone with the process."""

from taxi_predictor.ports.outbound.runs import Run, RunKind, RunNotes
from taxi_predictor.ports.outbound.sync import SyncNotes, SyncState

__all__ = ["MemoryRunNotes", "MemorySyncNotes"]


class MemoryRunNotes(RunNotes):
    def __init__(self) -> None:
        self._runs: dict[RunKind, Run] = {}

    def note(self, run: Run, /) -> None:
        self._runs[run.kind] = run

    def last(self, kind: RunKind, /) -> Run | None:
        return self._runs.get(kind)


class MemorySyncNotes(SyncNotes):
    def __init__(self) -> None:
        self._state: SyncState | None = None

    def note(self, state: SyncState, /) -> None:
        self._state = state

    def last(self) -> SyncState | None:
        return self._state
