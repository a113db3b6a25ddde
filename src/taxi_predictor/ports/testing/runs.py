"""The contract of RunNotes."""

from abc import abstractmethod
from contextlib import AbstractContextManager
from datetime import timedelta

from taxi_predictor.ports.outbound.runs import Became, Run, RunKind, RunNotes
from taxi_predictor.ports.testing.contract import Contract
from taxi_predictor.ports.testing.samples import NOON

__all__ = ["RunNotesContract"]

INGEST = Run(
    kind=RunKind.INGEST,
    ended_at=NOON + timedelta(microseconds=1),
    took_s=1.25,
    trips={Became.ADDED: 3, Became.REJECTED: 1},
)
TRAINING = Run(kind=RunKind.TRAINING, ended_at=NOON, took_s=100.0, trouble="not-enough-trips")


class RunNotesContract(Contract, of=RunNotes):
    @abstractmethod
    def open(self) -> AbstractContextManager[RunNotes]:
        """Where nothing was left."""

    def test_where_nothing_ran_there_is_nothing(self) -> None:
        """And that is no trouble."""
        with self.open() as notes:
            assert [notes.last(kind) for kind in RunKind] == [None] * len(RunKind)

    def test_the_last_run_of_each_kind_is_found_as_it_was(self) -> None:
        """One of another kind takes nothing away."""
        with self.open() as notes:
            notes.note(TRAINING)
            notes.note(Run(kind=RunKind.INGEST, ended_at=NOON, took_s=0.0))
            notes.note(INGEST)
            for _ in range(2):
                assert notes.last(RunKind.INGEST) == INGEST
                assert notes.last(RunKind.TRAINING) == TRAINING
                assert notes.last(RunKind.OUTCOMES) is None
