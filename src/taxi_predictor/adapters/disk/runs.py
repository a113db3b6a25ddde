"""Notes of runs, each in a file that is replaced in one step."""

from pathlib import Path

import msgspec

from taxi_predictor.adapters.disk.files import write_whole
from taxi_predictor.domain.errors import StorageFull
from taxi_predictor.ports.outbound.runs import Run, RunKind, RunNotes

__all__ = ["DiskRunNotes"]


class DiskRunNotes(RunNotes):
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def note(self, run: Run, /) -> None:
        path = self._path(run.kind)
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            write_whole(path, msgspec.json.encode(run))
        except OSError as error:
            raise StorageFull(f"no note can be left in {path}: {error.strerror}") from error

    def last(self, kind: RunKind, /) -> Run | None:
        try:
            return msgspec.json.decode(self._path(kind).read_bytes(), type=Run)
        except (OSError, msgspec.DecodeError):
            return None

    def _path(self, kind: RunKind) -> Path:
        return self._folder / f"{kind}.json"
