"""Rows of numbers in a file beside the memory, read where they are asked for."""

import os
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryFile, gettempdir
from typing import IO

import numpy as np
from numpy.typing import NDArray

from taxi_predictor.adapters.columns.arrays import Floats
from taxi_predictor.adapters.files.writing import written_below
from taxi_predictor.adapters.lightgbm.engine import lightgbm
from taxi_predictor.domain.errors import Unavailable

__all__ = ["BLOCK_ROWS", "STRETCH_ROWS", "RowFile", "Rows"]

BLOCK_ROWS = 65_536
STRETCH_ROWS = 128
FLOAT_BYTES = 8


class RowFile:
    """Rows of as many floats each, appended in blocks; the file has no name and is gone with this process."""

    def __init__(self, file: IO[bytes], columns: int, folder: Path | None) -> None:
        self._file = file
        self._folder = folder
        self.columns = columns
        self.rows = 0

    @classmethod
    @contextmanager
    def opened(cls, *columns: int, folder: Path | None) -> Iterator[Sequence["RowFile"]]:
        """Empty files in *folder* (None: where the system keeps what is temporary), one for each width."""
        with ExitStack() as stack:
            with _written_below(folder):
                if folder is not None:
                    folder.mkdir(parents=True, exist_ok=True)
                files = [stack.enter_context(TemporaryFile(dir=folder, buffering=0)) for _ in columns]
            yield [cls(file, width, folder) for file, width in zip(files, columns, strict=True)]

    def append(self, block: Floats) -> None:
        """Add *block*, of shape (rows, columns).

        Raises:
            Unavailable: they cannot be added, as where there is no room (StorageFull).
        """
        if not len(block):
            return
        with _written_below(self._folder):
            left = memoryview(np.ascontiguousarray(block, dtype=np.float64).data).cast("B")
            while left:
                left = left[self._file.write(left) :]
        self.rows += len(block)

    def read(self, first: int, last: int) -> Floats:
        """Rows *first* up to, not including, *last*; any thread may."""
        width = self.columns * FLOAT_BYTES
        left = memoryview(bytearray((last - first) * width))
        block, offset = np.frombuffer(left, dtype=np.float64).reshape(-1, self.columns), first * width
        while left:
            got = os.preadv(self._file.fileno(), [left], offset)
            if not got:
                raise Unavailable(f"features end after {offset:,} bytes, and not where they should")
            left, offset = left[got:], offset + got
        return block

    def take(self, rows: NDArray[np.int64]) -> Floats:
        """Those *rows* alone, which are in ascending order."""
        taken = np.empty((len(rows), self.columns))
        edges = np.arange(0, self.rows + BLOCK_ROWS, BLOCK_ROWS)
        places = np.searchsorted(rows, edges)
        for start, first, last in zip(edges, places, places[1:], strict=False):
            if first < last:
                block = self.read(int(start), int(rows[last - 1]) + 1)
                taken[first:last] = block[rows[first:last] - start]
        return taken


class Rows(lightgbm.Sequence):
    """Some rows of a file in a row, as LightGBM reads them: in batches, and a few for its bins one by one."""

    batch_size = BLOCK_ROWS

    def __init__(self, file: RowFile, first: int, last: int) -> None:
        self._file = file
        self._first = first
        self._last = last

    def __len__(self) -> int:
        return self._last - self._first

    def __getitem__(self, place: int | slice | list[int]) -> Floats:
        if isinstance(place, list):
            return self.take(np.array(place, dtype=np.int64))
        if isinstance(place, slice):
            first, last, _ = place.indices(len(self))
            return self._read(first, last)
        place = int(place)  # LightGBM draws rows in 32 bits, which do not hold where they lie
        row: Floats = self._read(place, place + 1)[0]
        return row

    def take(self, rows: NDArray[np.int64]) -> Floats:
        """Those of these *rows*, which are in ascending order."""
        return self._file.take(rows + self._first)

    def blocks(self) -> Iterator[Floats]:
        """All of them, in blocks."""
        for first in range(0, len(self), BLOCK_ROWS):
            yield self[first : first + BLOCK_ROWS]

    def share(self, number: int, shares: int, *, seed: int) -> "Rows":
        """One of so many *shares* of about equal size, from 0; of all together none is left out.

        Short stretches, drawn by chance: each share sees every season, weekday and hour.
        """
        if shares == 1:
            return self
        stretches = np.random.default_rng(seed).permutation(-(-len(self) // STRETCH_ROWS))
        return _Share(self._file, self._first, self._last, np.sort(stretches[number::shares]))

    def _read(self, first: int, last: int) -> Floats:
        return self._file.read(self._first + first, self._first + last)


class _Share(Rows):
    """Some stretches of these rows; the last of them may be shorter than others, and is read last."""

    def __init__(self, file: RowFile, first: int, last: int, stretches: NDArray[np.int64]) -> None:
        super().__init__(file, first, last)
        self._starts = first + stretches * STRETCH_ROWS

    def __len__(self) -> int:
        if not len(self._starts):
            return 0
        return (len(self._starts) - 1) * STRETCH_ROWS + min(STRETCH_ROWS, self._last - int(self._starts[-1]))

    def take(self, rows: NDArray[np.int64]) -> Floats:
        stretch, place = np.divmod(rows, STRETCH_ROWS)
        return self._file.take(self._starts[stretch] + place)

    def _read(self, first: int, last: int) -> Floats:
        pieces = []
        while first < last:
            stretch, place = divmod(first, STRETCH_ROWS)
            start = int(self._starts[stretch]) + place
            rows = min(STRETCH_ROWS - place, last - first)
            pieces.append(self._file.read(start, start + rows))
            first += rows
        return np.concatenate(pieces)


def _written_below(folder: Path | None) -> AbstractContextManager[None]:
    return written_below(folder or Path(gettempdir()), "Features of trips lie there while a model is trained")
