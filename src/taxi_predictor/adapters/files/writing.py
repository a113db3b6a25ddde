"""Writing files: whole or not at all, and saying why a place takes nothing."""

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

from taxi_predictor.domain.errors import StorageFull, Unavailable

__all__ = ["drafted", "is_full", "refusal_of", "write_whole", "written_below"]

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""The last of these: a file may grow no more, as where the process was given a limit."""


def write_whole(path: Path, content: bytes, *, mode: int = 0o666) -> None:
    """Put *content* in the place of the file *path* in one step; its folder is made if it is not there.

    Raises:
        OSError: it cannot be written; the former file stays, and nothing else is left.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with drafted(path, mode=mode) as file:
        file.write(content)


@contextmanager
def drafted(path: Path, *, mode: int = 0o666) -> Iterator[BinaryIO]:
    """A file that takes the place of *path* in one step, once it is complete.

    Raises:
        OSError: it cannot be written; then, and whatever else is raised before its end, the former file
            stays, and nothing else is left.
    """
    draft = path.with_name(f".{uuid4().hex}.part")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            yield file
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def is_full(error: OSError) -> bool:
    """Whether there is no room; other reasons, such as rights, are no matter of room."""
    if isinstance(error, shutil.Error):  # of a folder that was copied, and it only says why in words
        return any(os.strerror(number) in str(error) for number in FULL)
    return error.errno in FULL


@contextmanager
def written_below(place: Path, need: str) -> Iterator[None]:
    """Say why *place*, a folder or a file, takes nothing, and in a sentence what the *need* of it is.

    Raises:
        StorageFull: there is no room.
        Unavailable: nothing can be written there, for another reason.
    """
    try:
        yield
    except OSError as error:
        raise refusal_of(error, place, need) from error


def refusal_of(error: OSError, place: Path, need: str) -> Unavailable:
    """What :func:`written_below` raises for *error*; for who writes too often to enter that each time."""
    if is_full(error):
        return StorageFull(f"{place} has no room left: {error}. {need}")
    return Unavailable(f"{place} takes nothing: {error}. {need}")
