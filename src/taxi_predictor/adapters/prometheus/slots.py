"""Places in the shared folder where processes count: as many as run, however often they are started anew."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

__all__ = ["forget_the_dead", "take_slot"]

LOCK = ".lock"


def take_slot(folder: Path) -> str:
    """The first free place in *folder*; it is this process's until it ends, however it does.

    A process that is started anew goes on counting where a dead one stopped, so that neither files nor
    labels grow with every start. What the dead one said of itself is forgotten.
    """
    for number in count(1):
        slot = str(number)
        lock = _locked(folder / f"{slot}{LOCK}")
        if lock is not None:
            _forget(folder, slot)
            return slot  # the lock stays open, and so taken, until the system closes it
    raise AssertionError("the numbers ended")


def forget_the_dead(folder: Path) -> None:
    """Take away what processes that ended said of themselves; what they had counted stays."""
    for path in folder.glob(f"*{LOCK}"):
        with _held(path) as is_free:
            if is_free:
                _forget(folder, path.name.removesuffix(LOCK))


@contextmanager
def _held(path: Path) -> Iterator[bool]:
    """Whether it is free; it is not for others meanwhile, who then take the next one."""
    lock = _locked(path)
    try:
        yield lock is not None
    finally:
        if lock is not None:
            os.close(lock)


def _locked(path: Path) -> int | None:
    lock = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return None
    return lock


def _forget(folder: Path, slot: str) -> None:
    for gauges in folder.glob(f"gauge_*_{slot}.db"):
        gauges.unlink(missing_ok=True)
