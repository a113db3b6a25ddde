"""Room for the trips of one training, in files below a folder of this machine."""

import asyncio
import fcntl
import os
import shutil
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import overload
from uuid import uuid4

import polars as pl

from taxi_predictor.adapters.columns.frames import read_frame, write_frame
from taxi_predictor.adapters.columns.trips import trips_of
from taxi_predictor.adapters.disk.trips import BATCH_ROWS, NEED, DiskTripStore
from taxi_predictor.adapters.files.writing import written_below
from taxi_predictor.domain.trip import TripBatch
from taxi_predictor.ports.outbound.scratch import TripScratch
from taxi_predictor.ports.outbound.trips import TripStore

__all__ = ["DiskTripScratch", "KeptTrips"]

LOCK, ROOM = "in-use", "room"
"""The first is locked by whoever uses the folder it is in, so that others know what a crash has left."""


class KeptTrips(Sequence[TripBatch]):
    """Batches that are read when they are asked for; a copy in another process reads the same files."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self.paths = tuple(paths)

    def __len__(self) -> int:
        return len(self.paths)

    @overload
    def __getitem__(self, place: int) -> TripBatch: ...
    @overload
    def __getitem__(self, place: slice) -> "KeptTrips": ...
    def __getitem__(self, place: int | slice) -> "TripBatch | KeptTrips":
        if isinstance(place, slice):
            return KeptTrips(self.paths[place])
        return TripBatch(read_frame(self.paths[place]))


class DiskTripScratch(TripScratch):
    """Args:
    folder: where there is room for all trips of a training, about 100 bytes for each; it is made.
    """

    def __init__(self, folder: Path, *, batch_rows: int = BATCH_ROWS) -> None:
        self._folder = folder
        self._batch_rows = batch_rows

    @asynccontextmanager
    async def store(self) -> AsyncIterator[TripStore]:
        with self._room() as folder:
            yield DiskTripStore(folder)

    @asynccontextmanager
    async def keep(self, batches: AsyncIterator[TripBatch], /) -> AsyncIterator[Sequence[TripBatch]]:
        with self._room() as folder:
            paths: list[Path] = []

            def write(rows: pl.DataFrame) -> None:
                path = folder / f"{len(paths):06}.arrow"
                with written_below(folder, NEED):
                    write_frame(path, rows)
                paths.append(path)

            waiting: list[pl.DataFrame] = []
            async for batch in batches:
                waiting.append(trips_of(batch.table))
                if sum(map(len, waiting)) >= self._batch_rows:
                    rows = pl.concat(waiting)
                    whole = len(rows) // self._batch_rows * self._batch_rows
                    for first in range(0, whole, self._batch_rows):
                        await asyncio.to_thread(write, rows.slice(first, self._batch_rows))
                    waiting = [rows.slice(whole)]
            if any(map(len, waiting)):
                await asyncio.to_thread(write, pl.concat(waiting))
            yield KeptTrips(paths)

    @contextmanager
    def room(self) -> Iterator[Path]:
        with self._room() as folder:
            room = folder / ROOM
            with written_below(folder, NEED):
                room.mkdir()
            yield room

    @contextmanager
    def _room(self) -> Iterator[Path]:
        """A folder of one's own, in which a lock says that it is."""
        with written_below(self._folder, NEED):
            self._folder.mkdir(parents=True, exist_ok=True)
            self._remove_what_crashes_left()
            folder, lock = self._locked()
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            os.close(lock)

    def _locked(self) -> tuple[Path, int]:
        while True:
            folder = self._folder / uuid4().hex
            folder.mkdir()
            lock = os.open(folder / LOCK, os.O_WRONLY | os.O_CREAT)
            fcntl.flock(lock, fcntl.LOCK_EX)
            # Another that begins at the same moment may have taken it for one that a crash has left.
            if (folder / LOCK).exists():
                return folder, lock
            os.close(lock)

    def _remove_what_crashes_left(self) -> None:
        for folder in self._folder.iterdir():
            with suppress(OSError):
                lock = os.open(folder / LOCK, os.O_WRONLY)
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    shutil.rmtree(folder, ignore_errors=True)
                finally:
                    os.close(lock)
