"""Arrays of numbers as bytes of an answer, without an object per number."""

import asyncio
from collections.abc import Mapping
from typing import Any

import numpy as np
import orjson
from msgspec import Raw
from numpy.typing import NDArray

from taxi_predictor.adapters.http.formats import Format

__all__ = ["CELL", "encoded", "in_json", "in_msgpack", "list_of"]

PIECE_CELLS = 20_000
"""How many are written at a time: orjson keeps all other threads waiting, a millisecond at most."""

Numbers = NDArray[np.float64]

CELL: Mapping[str, Any] = {"type": ["number", "null"]}
"""The schema of a number of an array that may be missing."""


def list_of(items: Mapping[str, Any]) -> dict[str, Any]:
    """The schema of a list of *items*."""
    return {"type": "array", "items": items}


async def encoded(values: Numbers, form: Format) -> Raw:
    """*values* as nested arrays in *form*; what is no finite number is null. The event loop stays free."""
    write = in_json if form is Format.JSON else in_msgpack
    return Raw(write(values) if values.size <= PIECE_CELLS else await asyncio.to_thread(write, values))


def in_json(values: Numbers) -> bytes:
    """Nested JSON arrays; *values* has at least two dimensions."""
    if values.ndim > 2:
        return b"[" + b",".join(map(in_json, values)) + b"]"
    rows = max(1, PIECE_CELLS // max(1, values.shape[1]))
    pieces = (
        orjson.dumps(np.ascontiguousarray(values[first : first + rows]), option=orjson.OPT_SERIALIZE_NUMPY)
        for first in range(0, len(values), rows)
    )
    return b"[" + b",".join(piece[1:-1] for piece in pieces) + b"]"


def in_msgpack(values: Numbers) -> bytes:
    """Nested MessagePack arrays; *values* has at least two dimensions."""
    if values.ndim > 2:
        return _header(len(values)) + b"".join(map(in_msgpack, values))
    rows, columns = values.shape
    header = np.frombuffer(_header(columns), dtype=np.uint8)
    # A row is its header, then nine bytes a number: 0xcb and a double. Of a null, 0xc0, one is kept.
    written = np.empty((rows, len(header) + 9 * columns), dtype=np.uint8)
    written[:, : len(header)] = header
    cells = written[:, len(header) :].reshape(rows, columns, 9)
    is_number = np.isfinite(values)
    cells[:, :, 0] = np.where(is_number, 0xCB, 0xC0)
    cells[:, :, 1:] = values.astype(">f8", order="C").view(np.uint8).reshape(rows, columns, 8)
    if is_number.all():
        return _header(rows) + written.tobytes()
    kept = np.ones(written.shape, dtype=np.bool_)
    kept[:, len(header) :].reshape(rows, columns, 9)[:, :, 1:] = is_number[:, :, np.newaxis]
    return _header(rows) + written[kept].tobytes()


def _header(length: int) -> bytes:
    """How MessagePack begins an array."""
    if length < 16:
        return bytes([0x90 | length])
    if length < 1 << 16:
        return b"\xdc" + length.to_bytes(2, "big")
    return b"\xdd" + length.to_bytes(4, "big")
