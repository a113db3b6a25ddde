"""Where results go: whole to a file or not at all, or to standard output."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path
from stat import S_IMODE
from typing import Any, TextIO

from rich.console import Console

from taxi_predictor.adapters.files.writing import drafted, is_full
from taxi_predictor.domain.errors import Invalid, StorageFull

__all__ = ["ERR", "OUT", "drop_output", "refuse_unwritable", "result_to", "write_json"]


class Terminal(Console):
    def on_broken_pipe(self) -> None:
        """Leave it to :mod:`cli`, which finds no fault in it; rich would exit with 1."""
        raise

    def print(self, *objects: Any, **options: Any) -> None:
        if self.stderr:
            super().print(*objects, **options)
            return
        with _translated(Path("-")):
            super().print(*objects, **options)


OUT = Terminal()
"""For results."""
ERR = Terminal(stderr=True)
"""For progress and troubles, so that a program can read the results."""


@contextmanager
def result_to(target: Path) -> Iterator[TextIO]:
    """A text file that becomes *target* once it is complete, or standard output where that is ``-``.

    Whatever happens before its end leaves the former file as it was, and nothing beside it. A device
    or a pipe is written to as it is.

    Raises:
        Invalid: *target* cannot be written: no such folder, is a folder, no permission.
        StorageFull: there is no room for it.
    """
    with _translated(target):
        if str(target) == "-":
            yield OUT.file  # type: ignore[misc] # rich says IO[str]
            OUT.file.flush()
        elif target.exists() and not target.is_file():
            with target.open("w", encoding="utf-8", newline="") as file:
                yield file
        else:
            with _draft_of(target.resolve()) as file:
                yield file


def refuse_unwritable(*targets: Path | None) -> None:
    """See before long work that its results have somewhere to go; None: there is no such result.

    Raises:
        Invalid: as :func:`result_to`.
    """
    for target in targets:
        if target is None or str(target) == "-":
            continue
        with _translated(target):
            if target.is_dir():
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
            folder = target.resolve().parent
            if not folder.is_dir():
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
            if not os.access(target if target.exists() else folder, os.W_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


@contextmanager
def _translated(target: Path) -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        is_output = str(target) == "-"
        if is_output:
            drop_output()
        kind = StorageFull if is_full(error) else Invalid
        name = "standard output" if is_output else target
        raise kind(f"{name} cannot be written: {error.strerror or error}") from error


@contextmanager
def _draft_of(target: Path) -> Iterator[TextIO]:
    if target.exists() and not os.access(target, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))  # a new one could be put in its place
    with drafted(target) as raw, TextIOWrapper(raw, encoding="utf-8", newline="") as file:
        yield file
        if target.exists():
            os.fchmod(raw.fileno(), S_IMODE(target.stat().st_mode))


def drop_output() -> None:
    """Let what is still to be written to standard output vanish: there is no place for it."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, OUT.file.fileno())
    os.close(nowhere)


def write_json(encoded: bytes, target: Path) -> None:
    """Write a line to *target*, as :func:`result_to` does."""
    with result_to(target) as file:
        file.write(encoded.decode() + "\n")
