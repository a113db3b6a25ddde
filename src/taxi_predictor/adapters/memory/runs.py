"""Notes of runs that are gone with the process."""

from taxi_predictor.ports.outbound.runs import Run, RunKind, RunNotes

__all__ = ["MemoryRunNotes"]


class MemoryRunNotes(RunNotes):
    def __init__(self) -> None:
        self._runs: dict[RunKind, Run] = {}

    def note(self, run: Run, /) -> None:
        self._runs[run.kind] = run

    def last(self, kind: RunKind, /) -> Run | None:
        return self._runs.get(kind)
