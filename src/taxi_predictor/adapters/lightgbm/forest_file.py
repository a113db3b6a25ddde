"""Forests in files, made by the first process that needs one and mapped into the memory of all."""

from collections.abc import Callable
from dataclasses import fields
from hashlib import sha256
from pathlib import Path

import msgspec
import numpy as np

from taxi_predictor.adapters.files.writing import write_whole
from taxi_predictor.adapters.lightgbm.forest import LANES, Forest

__all__ = ["kept_forest"]

FORMAT = f"3.{LANES}"
"""Of the tables and of what they mean; another one makes them anew."""
MOST_KEPT = 4
"""The champion, the one before, a challenger, and one that comes."""
DIGEST_BYTES = 32
ALIGNED_BYTES = 64
"""The record begins at a multiple of it, so that its numbers lie where processors like them."""
SUFFIX = ".forest"

Layout = list[tuple[str, str, tuple[int, ...]]]
"""Name, type and shape of each field."""


def kept_forest(folder: Path, name: str, make: Callable[[], Forest]) -> Forest:
    """The forest called *name* from its file in *folder*; made, and the file with it, where there is none.

    A file that was damaged is made anew, and where none can be written the forest stays in memory.
    """
    path = folder / f"{name}-{FORMAT}{SUFFIX}"
    if (found := _read(path)) is not None:
        return found
    forest = make()
    try:
        _write(path, forest)
        files = sorted(folder.glob(f"*{SUFFIX}"), key=lambda file: file.stat().st_mtime_ns)
        for old in files[:-MOST_KEPT]:
            old.unlink(missing_ok=True)  # who has mapped it keeps it
    except OSError:
        return forest
    return _read(path) or forest


def _write(path: Path, forest: Forest) -> None:
    """What its fields look like, in JSON; then their values as one record of numpy's, and a digest.

    Not numpy's own file: its header is read by Python's parser, which may fail where two threads of Python
    3.11 are in it at once, as where two models are opened: https://github.com/python/cpython/issues/106905.
    """
    values = {field.name: np.asarray(getattr(forest, field.name)) for field in fields(Forest)}
    layout = [(name, of.dtype.str, of.shape) for name, of in values.items()]
    record = np.empty(1, np.dtype(layout, align=True))
    for name, of in values.items():
        record[name][0] = of
    header = msgspec.json.encode(layout)
    header = header.ljust(-(-len(header) // ALIGNED_BYTES) * ALIGNED_BYTES)
    content = len(header).to_bytes(ALIGNED_BYTES, "little") + header + record.tobytes()
    write_whole(path, content + sha256(content).digest(), mode=0o444)


def _read(path: Path) -> Forest | None:
    """Mapped and not read: all who do so share the memory."""
    try:
        content = memoryview(path.read_bytes())
        if sha256(content[:-DIGEST_BYTES]).digest() != content[-DIGEST_BYTES:]:
            return None
        begins = ALIGNED_BYTES + int.from_bytes(content[:ALIGNED_BYTES], "little")
        layout = msgspec.json.decode(content[ALIGNED_BYTES:begins], type=Layout)
        record = np.memmap(path, np.dtype(layout, align=True), mode="r", offset=begins, shape=1)
        values = {field.name: record[field.name][0] for field in fields(Forest)}
    except (OSError, ValueError):  # there is none, or it is none of ours
        return None
    return Forest(
        **values
        | {
            "features": int(values["features"]),
            "objectives": tuple(map(str, values["objectives"])),
            "trees": tuple(map(int, values["trees"])),
        }
    )
