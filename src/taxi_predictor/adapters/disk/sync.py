"""The note of the process that follows the registry, in a file that is replaced in one step."""

from pathlib import Path

import msgspec

from taxi_predictor.adapters.disk.files import write_whole
from taxi_predictor.domain.errors import StorageFull
from taxi_predictor.ports.outbound.sync import SyncNotes, SyncState

__all__ = ["DiskSyncNotes"]


class DiskSyncNotes(SyncNotes):
    def __init__(self, path: Path) -> None:
        self._path = path

    def note(self, state: SyncState, /) -> None:
        try:
            write_whole(self._path, msgspec.json.encode(state))
        except OSError as error:
            raise StorageFull(f"no note can be left in {self._path}: {error.strerror}") from error

    def last(self) -> SyncState | None:
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=SyncState)
        except (OSError, msgspec.DecodeError):
            return None
