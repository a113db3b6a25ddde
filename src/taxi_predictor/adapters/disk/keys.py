"""The API keys of one instant in a file, for when the database is away."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated

import msgspec

from taxi_predictor.adapters.files.writing import write_whole, written_below
from taxi_predictor.domain.access import ApiKey
from taxi_predictor.ports.outbound.access import KeySnapshot

__all__ = ["DiskKeySnapshot"]


class _Saved(msgspec.Struct, frozen=True):
    as_of: Annotated[datetime, msgspec.Meta(tz=True)]
    keys: Sequence[ApiKey]


class DiskKeySnapshot(KeySnapshot):
    """For its owner's eyes only, although there is no secret in it. A damaged file is as good as none."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def save(self, keys: Sequence[ApiKey], as_of: datetime, /) -> None:
        await asyncio.to_thread(self._write, msgspec.json.encode(_Saved(as_of, keys)))

    async def load(self) -> tuple[Sequence[ApiKey], datetime] | None:
        saved = await asyncio.to_thread(self._read)
        return (saved.keys, saved.as_of) if saved else None

    def _write(self, encoded: bytes) -> None:
        with written_below(self._path, "API keys lie there for when the database is away"):
            write_whole(self._path, encoded, mode=0o600)

    def _read(self) -> _Saved | None:
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=_Saved)
        except (OSError, msgspec.DecodeError, UnicodeDecodeError):
            return None
