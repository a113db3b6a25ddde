"""Trials of recipes in files: one per key, one line of JSON per trial."""

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path

import msgspec

from taxi_predictor.adapters.files.writing import written_below
from taxi_predictor.ports.outbound.tuning import Trial, TrialStore

__all__ = ["DiskTrialStore"]


class DiskTrialStore(TrialStore):
    """A line that a crash has cut short is left out, and the next trial begins a line of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def add(self, key: str, trial: Trial, /) -> None:
        await asyncio.to_thread(self._append, key, b"\n" + msgspec.json.encode(trial) + b"\n")

    async def trials(self, key: str, /) -> Sequence[Trial]:
        return await asyncio.to_thread(self._read, key)

    def _path(self, key: str) -> Path:
        return self._folder / f"{key}.jsonl"

    def _append(self, key: str, line: bytes) -> None:
        with written_below(self._folder, "Trials of recipes lie there"):
            self._folder.mkdir(parents=True, exist_ok=True)
            file = os.open(self._path(key), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
            try:
                os.write(file, line)  # in one step, or two processes would write into each other's line
                os.fsync(file)
            finally:
                os.close(file)

    def _read(self, key: str) -> list[Trial]:
        try:
            lines = self._path(key).read_bytes().splitlines()
        except FileNotFoundError:
            return []
        trials = []
        for line in filter(None, lines):
            try:
                trials.append(msgspec.json.decode(line, type=Trial))
            except msgspec.DecodeError:
                continue
        return trials
