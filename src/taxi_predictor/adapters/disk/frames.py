"""Columns of trips in files that this process alone reads, written and read whole."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl

from taxi_predictor.domain.errors import StorageFull

__all__ = ["full_if_it_fails", "read_frame", "write_frame"]


def write_frame(path: Path, rows: pl.DataFrame) -> None:
    """Write *rows* in Arrow's own format, which is read back at the speed of the disk."""
    rows.write_ipc(path, compression="lz4")


def read_frame(path: Path, columns: list[str] | None = None) -> pl.DataFrame:
    """What :func:`write_frame` wrote."""
    return pl.read_ipc(path, columns=columns)


@contextmanager
def full_if_it_fails(folder: Path) -> Iterator[None]:
    """Say so where *folder* takes no more.

    Raises:
        StorageFull: writing failed.
    """
    try:
        yield
    except (OSError, pl.exceptions.PolarsError) as error:
        raise StorageFull(
            f"{folder} takes no more: {error}. Training needs room for the trips there"
        ) from error
