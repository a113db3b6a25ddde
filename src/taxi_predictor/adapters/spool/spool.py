"""A folder of files, each written by one process and shipped by any.

A writer holds the lock (``flock``) of its file until it gives the file away, or ends: then the system
frees it, so that a file that can be locked is a file that nobody writes. What was written is in the page
cache, which outlives the process; a loss of power costs what came since it was last handed over.
"""

import errno
import fcntl
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from uuid import uuid4

from taxi_predictor.adapters.files.writing import refusal_of
from taxi_predictor.adapters.spool.frames import FORMAT, HEAD, Frames, format_of, framed
from taxi_predictor.domain.errors import StorageFull, Unavailable
from taxi_predictor.domain.record import PredictionRecord
from taxi_predictor.ports.outbound.spool import PredictionSpool, SpoolPart, SpoolState

__all__ = ["DiskPredictionSpool"]

PART, DAMAGED, DRAFT = ".part", ".damaged", ".draft"
PART_BYTES = 4 << 20
"""A file that is longer is given away: the longest that is read at once."""
ENOUGH_PARTS = 50
"""Once this many files wait, more and shorter ones would not help those who take them."""
GROUP_RECORDS = 500
COUNT_EVERY_S = 1.0
DRAFT_S = 60.0
"""A draft this old has no writer any more: it was killed in the moment that making a file takes."""


class DiskPredictionSpool(PredictionSpool):
    """Keeps its files in *folder*, which is made when the first record comes, and which others may share.

    Args:
        max_bytes: of all files together, those of other processes as they were a second ago.
    """

    def __init__(self, folder: Path, *, max_bytes: int) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._turn = Lock()  # files change hands in a thread while the event loop appends
        self._own: _Own | None = None
        self._size_bytes = 0
        self._count_at_s = 0.0

    def append(self, records: Sequence[PredictionRecord], /) -> None:
        frame = framed(records)
        with self._turn:
            self._refuse_beyond(len(frame))
            try:
                if self._own is None:
                    self._own = _Own.begin(self._folder)
                self._own.append(frame)
            except OSError as error:
                raise refusal_of(error, self._folder, "Predictions wait there for their log") from error
            self._size_bytes += len(frame)
            if self._own.size_bytes > PART_BYTES:
                self._own.give_away()
                self._own = None

    def take(self) -> SpoolPart | None:
        for name in self._names(PART):
            with self._turn:
                if self._own is not None and self._own.path.name == name:
                    own, self._own = self._own, None
                    return _DiskPart(own.path, own.fd, self._count_anew, is_latest=True)
            if part := _locked(self._folder / name, self._count_anew):
                return part
        self._sweep()
        return None

    def state(self) -> SpoolState:
        with self._turn:
            sizes = self._count()
        oldest = min((name for name, size in sizes.items() if size > len(HEAD)), default=None)
        return SpoolState(
            size_bytes=sum(max(0, size - len(HEAD)) for size in sizes.values()),
            oldest_at=None if oldest is None else _begun_at(oldest),
            damaged=len(self._names(DAMAGED)),
        )

    def hand_over(self) -> None:
        parts = len(self._names(PART))
        with self._turn:
            if self._own is None:
                return
            if parts < ENOUGH_PARTS:
                own, self._own = self._own, None
                fd = own.fd  # whose lock is held until it is closed
            else:
                fd = os.dup(self._own.fd)  # for meanwhile it may be given away
        try:
            os.fdatasync(fd)
            folder = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(folder)  # or the file might be there and have no name
            finally:
                os.close(folder)
        except OSError:
            pass  # a disk that cannot promise it: what is written is written
        finally:
            os.close(fd)

    def close(self) -> None:
        with self._turn:
            if self._own is not None:
                self._own.give_away()
                self._own = None

    def _refuse_beyond(self, more_bytes: int) -> None:
        if time.monotonic() >= self._count_at_s:  # others took room meanwhile, or made some
            self._count()
        if self._size_bytes + more_bytes > self._max_bytes:
            raise StorageFull(f"the spool holds {self._size_bytes:,} bytes, and may hold {self._max_bytes:,}")

    def _count(self) -> Mapping[str, int]:
        """How long each part is."""
        sizes = {}
        for name in self._names(PART):
            with suppress(FileNotFoundError):
                sizes[name] = (self._folder / name).stat().st_size
        self._size_bytes, self._count_at_s = sum(sizes.values()), time.monotonic() + COUNT_EVERY_S
        return sizes

    def _count_anew(self) -> None:
        self._count_at_s = 0.0

    def _sweep(self) -> None:
        """Remove what was begun by processes that were killed before it could hold anything."""
        for name in self._names(DRAFT):
            if time.time() - _begun_at(name).timestamp() > DRAFT_S:
                with suppress(OSError):
                    (self._folder / name).unlink()

    def _names(self, kind: str) -> list[str]:
        """Names of files, oldest first."""
        try:
            return sorted(name for name in os.listdir(self._folder) if name.endswith(kind))  # noqa: PTH208
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            raise Unavailable(f"the spool in {self._folder} cannot be read: {error.strerror}") from error


class _Own:
    """The file that this process writes, and whose lock it holds."""

    __slots__ = ("fd", "path", "size_bytes")

    def __init__(self, path: Path, fd: int) -> None:
        self.path = path
        self.fd = fd
        self.size_bytes = len(HEAD)

    @classmethod
    def begin(cls, folder: Path) -> "_Own":
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{time.time_ns():020}-{uuid4().hex[:8]}{PART}"
        # Under another name until it is locked: whoever finds it may take what is not.
        draft = path.with_suffix(DRAFT)
        fd = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_APPEND, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            if os.write(fd, HEAD) < len(HEAD):
                raise OSError(errno.ENOSPC, "no room for the head of a file")
            draft.rename(path)
        except OSError:
            draft.unlink(missing_ok=True)
            os.close(fd)
            raise
        return cls(path, fd)

    def append(self, frame: bytes) -> None:
        try:
            if os.write(self.fd, frame) < len(frame):
                raise OSError(errno.ENOSPC, "no room for a whole record")
        except OSError:
            os.ftruncate(self.fd, self.size_bytes)  # or what comes next would follow a half of it
            raise
        self.size_bytes += len(frame)

    def give_away(self) -> None:
        os.close(self.fd)


def _begun_at(name: str) -> datetime:
    return datetime.fromtimestamp(int(name.partition("-")[0]) / 1e9, UTC)


def _locked(path: Path, when_removed: Callable[[], None]) -> "_DiskPart | None":
    """The file at *path*, if nobody else has it and this code can read it."""
    try:
        fd = os.open(path, os.O_RDWR)
    except OSError:  # it is gone, or is not ours to read: others may be
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        is_there = path.stat().st_ino == os.fstat(fd).st_ino  # and was not removed before it was locked
        known = format_of(os.pread(fd, len(HEAD), 0))
        if is_there and known in (FORMAT, None):
            return _DiskPart(path, fd, when_removed)
    except OSError:  # somebody has it, or had
        pass
    os.close(fd)
    return None


class _DiskPart(SpoolPart):
    def __init__(
        self, path: Path, fd: int, when_removed: Callable[[], None], *, is_latest: bool = False
    ) -> None:
        self._path = path
        self._fd: int | None = fd
        self._when_removed = when_removed
        self._is_damaged = False
        self._is_latest = is_latest

    @property
    def is_latest(self) -> bool:
        return self._is_latest

    def records(self) -> Iterator[Sequence[PredictionRecord]]:
        assert self._fd is not None
        try:
            content = os.pread(self._fd, os.fstat(self._fd).st_size, 0)
        except OSError as error:
            raise Unavailable(f"{self._path} cannot be read: {error.strerror}") from error
        if format_of(content[: len(HEAD)]) is None:
            self._is_damaged = True  # its frames may be sound all the same
        frames = Frames(content)
        group: list[PredictionRecord] = []
        for records in frames:
            group += records
            while len(group) >= GROUP_RECORDS:
                yield group[:GROUP_RECORDS]
                del group[:GROUP_RECORDS]
        self._is_damaged |= frames.is_damaged
        if group:
            yield group

    def remove(self) -> None:
        if self._fd is None:
            return
        # Before the lock is gone: who finds the file by then finds that it is not the one.
        if self._is_damaged:
            self._path.rename(self._path.with_suffix(DAMAGED))
        else:
            self._path.unlink(missing_ok=True)
        self._close()
        self._when_removed()

    def set_aside(self) -> None:
        self._is_damaged = True
        self.remove()

    def put_back(self) -> None:
        if self._fd is not None:
            self._close()

    def _close(self) -> None:
        assert self._fd is not None
        os.close(self._fd)
        self._fd = None
