"""The contract of SyncNotes."""

from abc import abstractmethod
from contextlib import AbstractContextManager
from datetime import timedelta

from taxi_predictor.domain.model import ModelVersion
from taxi_predictor.ports.outbound.sync import SyncNotes, SyncState
from taxi_predictor.ports.testing.contract import Contract
from taxi_predictor.ports.testing.samples import NOON

__all__ = ["SyncNotesContract"]

LATER = NOON + timedelta(seconds=2, microseconds=1)


class SyncNotesContract(Contract, of=SyncNotes):
    @abstractmethod
    def open(self) -> AbstractContextManager[SyncNotes]:
        """Where nothing was left."""

    def test_where_nothing_was_left_there_is_nothing(self) -> None:
        """And that is no trouble."""
        with self.open() as notes:
            assert notes.last() is None

    def test_the_last_note_is_found_as_it_was(self) -> None:
        """Whatever was known."""
        with self.open() as notes:
            for state in (
                SyncState(looked_at=NOON, version=ModelVersion(3)),
                SyncState(looked_at=LATER, version=None, trouble="the registry does not answer"),
            ):
                notes.note(state)
                assert notes.last() == state
                assert notes.last() == state
