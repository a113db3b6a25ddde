"""Adapters that break what SyncNotes promises."""

from dataclasses import replace

from contract.breaking import breaks
from taxi_predictor.adapters.memory.notes import MemorySyncNotes
from taxi_predictor.ports.outbound.sync import SyncState
from taxi_predictor.ports.testing.samples import NOON
from taxi_predictor.ports.testing.sync import SyncNotesContract


@breaks(SyncNotesContract, "test_where_nothing_was_left_there_is_nothing")
class BeginsWithANote(MemorySyncNotes):
    def last(self) -> SyncState | None:
        return super().last() or SyncState(looked_at=NOON, version=None)


@breaks(SyncNotesContract, "test_the_last_note_is_found_as_it_was")
class NotesWholeSeconds(MemorySyncNotes):
    def note(self, state: SyncState, /) -> None:
        super().note(replace(state, looked_at=state.looked_at.replace(microsecond=0)))
