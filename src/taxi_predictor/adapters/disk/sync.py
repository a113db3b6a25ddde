"""The note of the process that follows the registry, in a file that is replaced in one step."""

from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import msgspec

from taxi_predictor.domain.errors import StorageFull
from taxi_predictor.ports.outbound.sync import SyncNotes, SyncState

__all__ = ["DiskSyncNotes"]


class DiskSyncNotes(SyncNotes):
    def __init__(self, path: Path) -> None:
        self._path = path

    def note(self, state: SyncState, /) -> None:
        draft = self._path.with_name(f".{self._path.name}-{uuid4().hex[:8]}")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            draft.write_bytes(msgspec.json.encode(state))
            draft.replace(self._path)
        except OSError as error:
            with suppress(OSError):
                draft.unlink(missing_ok=True)
            raise StorageFull(f"no note can be left in {self._path}: {error.strerror}") from error

    def last(self) -> SyncState | None:
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=SyncState)
        except (OSError, msgspec.DecodeError):
            return None
