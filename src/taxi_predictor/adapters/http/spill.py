"""Bytes that wait to be sent, in a file where there are many."""

import asyncio
import os
import threading
from collections import deque
from collections.abc import AsyncIterator
from pathlib import Path
from tempfile import TemporaryFile, gettempdir
from typing import IO

from taxi_predictor.adapters.files.writing import written_below

__all__ = ["Spill"]

MEMORY_BYTES = 256 << 10
MAX_BYTES = 256 << 20
PIECE_BYTES = 64 << 10


class Spill:
    """A queue of bytes between one task that appends and one that reads, whose memory is bounded.

    What does not fit in memory goes to a file without a name: nothing is left of it, whatever happens.

    Args:
        memory_bytes: so many wait in memory.
        max_bytes: so many wait at most; then the one that appends waits too.
    """

    def __init__(self, *, memory_bytes: int = MEMORY_BYTES, max_bytes: int = MAX_BYTES) -> None:
        self._memory_bytes = memory_bytes
        self._max_bytes = max_bytes
        # What is in memory came before what is in the file.
        self._memory: deque[bytes] = deque()
        self._in_memory = 0
        self._file: IO[bytes] | None = None
        self._file_lock = threading.Lock()
        self._read = self._written = 0
        self._is_ended = False
        self._error: Exception | None = None
        self._changed = asyncio.Condition()

    async def append(self, data: bytes) -> None:
        """Let *data* follow what is there.

        Raises:
            Unavailable: the file cannot grow, as where there is no room (StorageFull).
        """
        async with self._changed:
            await self._changed.wait_for(lambda: not len(self) or len(self) + len(data) <= self._max_bytes)
        if self._read == self._written and self._in_memory + len(data) <= self._memory_bytes:
            self._memory.append(data)
            self._in_memory += len(data)
        else:
            await asyncio.to_thread(self._write, data)
            self._written += len(data)
        async with self._changed:
            self._changed.notify_all()

    async def end(self, error: Exception | None = None) -> None:
        """Nothing follows; *error* says why, where it is too soon."""
        async with self._changed:
            self._is_ended, self._error = True, error
            self._changed.notify_all()

    async def pieces(self) -> AsyncIterator[bytes]:
        """Everything in its order, as soon as it is there; ends when nothing follows.

        Raises:
            Exception: that which :meth:`end` was given, after everything else.
        """
        while True:
            async with self._changed:
                await self._changed.wait_for(lambda: len(self) or self._is_ended)
            if self._memory:
                piece = self._memory.popleft()
                self._in_memory -= len(piece)
            elif self._read < self._written:
                length = min(PIECE_BYTES, self._written - self._read)
                piece = await asyncio.to_thread(self._fetch, length)
                self._read += len(piece)
            elif self._error is not None:
                raise self._error
            else:
                return
            async with self._changed:
                self._changed.notify_all()
            yield piece

    def close(self) -> None:
        """Forget all of it; a thread that still writes ends first, for its file's number is given anew."""
        with self._file_lock:
            if self._file is not None:
                self._file.close()

    def __len__(self) -> int:
        return self._in_memory + self._written - self._read

    def _fetch(self, length: int) -> bytes:
        with self._file_lock:
            assert self._file is not None
            return os.pread(self._file.fileno(), length, self._read)

    def _write(self, data: bytes) -> None:
        rest = memoryview(data)
        need = "Answers that wait to be read lie there"
        with written_below(Path(gettempdir()), need), self._file_lock:
            if self._file is None:
                self._file = TemporaryFile(buffering=0)  # noqa: SIM115 # closed by close()
            file = self._file.fileno()
            if self._read == self._written:
                os.ftruncate(file, 0)  # all of it was read: begin anew
                self._read = self._written = 0
            while rest:
                at = self._written + len(data) - len(rest)
                rest = rest[os.pwrite(file, rest, at) :]
