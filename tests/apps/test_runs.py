"""A run leaves a note however it ends, and no note that cannot be left does harm."""

import pytest

from taxi_predictor.adapters.memory.clock import MemoryClock
from taxi_predictor.adapters.memory.notes import MemoryRunNotes
from taxi_predictor.adapters.memory.telemetry import RecordingTelemetry
from taxi_predictor.domain.errors import PromotionRefused, StorageFull
from taxi_predictor.ports.inbound.runs import RunBook
from taxi_predictor.ports.outbound.runs import Run, RunKind, RunResult
from taxi_predictor.ports.testing.samples import NOON


class FullNotes(MemoryRunNotes):
    def note(self, run: Run, /) -> None:
        raise StorageFull("the disk is full")


def test_a_crash_is_noted_and_goes_on() -> None:
    notes, telemetry = MemoryRunNotes(), RecordingTelemetry()
    book = RunBook(notes=notes, clock=MemoryClock(NOON), telemetry=telemetry)
    with pytest.raises(ZeroDivisionError), book.noted(RunKind.INGEST):
        _ = 1 / 0
    book.tell()
    run, now = telemetry.runs[RunKind.INGEST]
    assert (run.trouble, run.ended_at, now) == ("crashed", NOON, NOON)
    assert telemetry.runs.keys() == {RunKind.INGEST}


def test_where_no_note_can_be_left_the_run_is_none_the_worse(caplog: pytest.LogCaptureFixture) -> None:
    book = RunBook(notes=FullNotes(), clock=MemoryClock(NOON), telemetry=RecordingTelemetry())
    with book.noted(RunKind.TRAINING):
        pass
    assert "run.not-noted" in caplog.text


@pytest.mark.parametrize(
    ("trouble", "result"),
    [
        (None, RunResult.SUCCEEDED),
        (PromotionRefused.slug, RunResult.REFUSED),
        (StorageFull.slug, RunResult.FAILED),
    ],
)
def test_what_was_refused_is_no_failure(trouble: str | None, result: RunResult) -> None:
    assert Run(kind=RunKind.TRAINING, ended_at=NOON, took_s=1.0, trouble=trouble).result is result
