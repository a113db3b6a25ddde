"""Columns that lie in files for a while, written and read whole: by one process, or by several machines."""

from io import BytesIO
from pathlib import Path

import polars as pl

__all__ = ["read_frame", "write_frame"]


def write_frame(path: Path, rows: pl.DataFrame) -> None:
    """Write *rows* in Arrow's own format, which is read back at the speed of the disk.

    Raises:
        OSError: it cannot be written, and its number says why.
    """
    # By way of memory: the engine says of its own files only in words why they cannot be written.
    content = BytesIO()
    rows.write_ipc(content, compression="lz4")
    with path.open("wb") as file:  # Path.write_bytes would keep hold of the buffer in what it raises
        file.write(content.getbuffer())


def read_frame(path: Path, columns: list[str] | None = None) -> pl.DataFrame:
    """What :func:`write_frame` wrote."""
    return pl.read_ipc(path, columns=columns)
