"""Notes that processes of one home leave each other, each in a file that is replaced in one step."""

from pathlib import Path
from typing import TypeVar

import msgspec

from taxi_predictor.adapters.files.writing import write_whole, written_below
from taxi_predictor.ports.outbound.runs import Run, RunKind, RunNotes
from taxi_predictor.ports.outbound.sync import SyncNotes, SyncState

__all__ = ["DiskRunNotes", "DiskSyncNotes"]

T = TypeVar("T")


class DiskRunNotes(RunNotes):
    """A file for each kind of run in *folder*, which is made."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def note(self, run: Run, /) -> None:
        _leave(run, self._path(run.kind))

    def last(self, kind: RunKind, /) -> Run | None:
        return _found(self._path(kind), Run)

    def _path(self, kind: RunKind) -> Path:
        return self._folder / f"{kind}.json"


class DiskSyncNotes(SyncNotes):
    def __init__(self, path: Path) -> None:
        self._path = path

    def note(self, state: SyncState, /) -> None:
        _leave(state, self._path)

    def last(self) -> SyncState | None:
        return _found(self._path, SyncState)


def _leave(note: object, path: Path) -> None:
    with written_below(path, "A note is left there"):
        write_whole(path, msgspec.json.encode(note))


def _found(path: Path, kind: type[T]) -> T | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (OSError, msgspec.DecodeError):
        return None
