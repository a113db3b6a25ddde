"""Keeping apart those who would write the same file of answers at once."""

import fcntl
import os
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from taxi_predictor.adapters.files.writing import is_full
from taxi_predictor.adapters.sources.file_place import FilePlace
from taxi_predictor.domain.errors import Invalid, StorageFull, TargetInUse

__all__ = ["LOCK", "PARTS_ENDING", "TargetLock"]

LOCK = "lock"
PARTS_ENDING = ".parts"


class TargetLock:
    """A file that is locked by who writes *target*: among its parts, or in the folder *locks*.

    A process that dies keeps nobody. Whoever holds it takes the file away when it is left; what a kill has
    left goes with the next who writes the same target.
    """

    def __init__(self, target: FilePlace, locks: Path) -> None:
        self._target = target
        self._parts = target.beside(PARTS_ENDING)
        # A bucket knows no locks.
        name = f"{sha256(target.spec.encode()).hexdigest()[:16]}.{LOCK}"
        self._file = f"{self._parts.path}/{LOCK}" if target.is_local else os.fspath(locks / name)
        self._held: int | None = None

    def take(self) -> None:
        """
        Raises:
            TargetInUse: somebody else holds it.
            Invalid: there can be no such target.
        """
        while True:
            lock = self._opened()
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(lock)
                raise TargetInUse(f"{self._target.spec} is being written by somebody else") from None
            if self._is_there(lock):
                self._held = lock
                return
            os.close(lock)  # who held it took it away meanwhile

    def leave(self) -> None:
        """Where nothing came of the target, nothing is left."""
        held, self._held = self._held, None
        assert held is not None
        # With the parts of a file that is whole it went already, and may be that of somebody else now.
        with suppress(OSError):
            if self._is_there(held):
                if not self._target.is_local:
                    os.unlink(self._file)  # noqa: PTH108 # as all of it here
                elif self._parts.names() == [LOCK]:
                    self._parts.remove_folder()
        os.close(held)

    def _opened(self) -> int:
        spec = self._target.spec
        try:
            if self._target.is_local:
                path = Path(self._target.path)
                if not path.parent.is_dir() or path.is_dir():
                    raise Invalid(f"{spec} cannot be written: it is a folder, or there is none for it")
                self._parts.make()
            else:
                Path(self._file).parent.mkdir(parents=True, exist_ok=True)
            # Where somebody else may put a link, it leads to no other file.
            return os.open(self._file, os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW, 0o600)
        except FileNotFoundError:
            return self._opened()  # who held it took the folder away meanwhile
        except OSError as error:
            kind = StorageFull if is_full(error) else Invalid
            raise kind(f"{spec} cannot be written: {self._file}: {error.strerror}") from error

    def _is_there(self, lock: int) -> bool:
        """Whether others who want it would open the same file."""
        try:
            return os.path.samestat(os.fstat(lock), Path(self._file).stat())
        except FileNotFoundError:
            return False
