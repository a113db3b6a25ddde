"""Which trip is which: the TLC gives its trips no ids, so what a row says makes one.

128 bits, two lanes of the finaliser of splitmix64 (Steele, Lea and Flood, "Fast Splittable
Pseudorandom Number Generators", 2014) over the row's values: stable for ever, unlike the hashes of
data frame libraries, and the same whether a row was read from CSV or parquet.
"""

import hashlib
from collections.abc import Sequence

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

__all__ = ["content_ids", "named_ids"]

Words = NDArray[np.uint64]

LANES = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F))
NULL = np.uint64(0x7FF8DEADBEEF0001)  # a NaN that no file holds


def content_ids(family: str, values: Sequence[pl.Series]) -> pl.Series:
    """32 hexadecimal digits for each row: equal for rows of one family with equal *values*."""
    salt = np.uint64(int.from_bytes(hashlib.sha256(family.encode()).digest()[:8], "little"))
    rows = len(values[0])
    lanes = [np.full(rows, salt ^ lane) for lane in LANES]
    with np.errstate(over="ignore"):
        for series in values:
            word = _words(series)
            lanes = [
                _mix(state * np.uint64(31) + word + lane) for state, lane in zip(lanes, LANES, strict=True)
            ]
    digests = np.stack(lanes, axis=1)
    fixed = pa.FixedSizeBinaryArray.from_buffers(pa.binary(16), rows, [None, pa.py_buffer(digests)])
    return pl.Series("trip_id", fixed).bin.encode("hex")


def named_ids(family: str, names: pl.Series) -> pl.Series:
    """32 hexadecimal digits for each row from the id that its source gave it."""
    # blake2s, because a hash of strings has to be stable too; about a microsecond a row.
    digests = [
        None if name is None else hashlib.blake2s(f"{family}\0{name}".encode(), digest_size=16).hexdigest()
        for name in names.cast(pl.String)
    ]
    return pl.Series("trip_id", digests, dtype=pl.String)


def _words(series: pl.Series) -> Words:
    if series.dtype.is_temporal():
        series = series.to_physical()
    if series.dtype.is_integer():
        words = series.cast(pl.Int64).fill_null(0).to_numpy().astype(np.int64).view(np.uint64)
    else:
        # Adding zero turns -0.0 into 0.0; every NaN becomes the same one.
        floats = series.cast(pl.Float64).fill_null(0.0).fill_nan(None).fill_null(np.nan).to_numpy() + 0.0
        words = np.ascontiguousarray(floats).view(np.uint64)
    return np.where(series.is_null().to_numpy(), NULL, words)


def _mix(x: Words) -> Words:
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))
