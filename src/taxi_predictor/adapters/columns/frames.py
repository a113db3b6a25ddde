"""Columns that lie in files for a while, written and read whole: by one process, or by several machines."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

import polars as pl

from taxi_predictor.domain.errors import StorageFull, Unavailable

__all__ = ["read_frame", "write_frame", "written_below"]

FULL = (errno.ENOSPC, errno.EDQUOT)


def write_frame(path: Path, rows: pl.DataFrame) -> None:
    """Write *rows* in Arrow's own format, which is read back at the speed of the disk.

    Raises:
        OSError: it cannot be written, and its number says why.
    """
    # By way of memory: the engine says of its own files only in words why they cannot be written.
    content = BytesIO()
    rows.write_ipc(content, compression="lz4")
    path.write_bytes(content.getbuffer())


def read_frame(path: Path, columns: list[str] | None = None) -> pl.DataFrame:
    """What :func:`write_frame` wrote."""
    return pl.read_ipc(path, columns=columns)


@contextmanager
def written_below(folder: Path, need: str) -> Iterator[None]:
    """Say why *folder* takes nothing, and in a sentence what the *need* of it is.

    Raises:
        StorageFull: there is no room.
        Unavailable: nothing can be written there, for another reason.
    """
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            raise StorageFull(f"{folder} has no room left: {error}. {need}") from error
        raise Unavailable(f"{folder} takes nothing: {error}. {need}") from error
