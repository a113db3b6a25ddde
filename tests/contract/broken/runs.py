"""Adapters that break what RunNotes promises."""

from contract.breaking import breaks
from taxi_predictor.adapters.memory.notes import MemoryRunNotes
from taxi_predictor.ports.outbound.runs import Run, RunKind
from taxi_predictor.ports.testing.runs import RunNotesContract
from taxi_predictor.ports.testing.samples import NOON


@breaks(RunNotesContract, "test_where_nothing_ran_there_is_nothing")
class RemembersWhatNeverWas(MemoryRunNotes):
    def last(self, kind: RunKind, /) -> Run | None:
        return super().last(kind) or Run(kind=kind, ended_at=NOON, took_s=0.0)


@breaks(RunNotesContract, "test_the_last_run_of_each_kind_is_found_as_it_was")
class HasOneNote(MemoryRunNotes):
    def note(self, run: Run, /) -> None:
        self._runs.clear()
        super().note(run)
