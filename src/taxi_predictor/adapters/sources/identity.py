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

from taxi_predictor.domain.trip import named_trip_id

__all__ = ["content_ids", "named_ids"]

Words = NDArray[np.uint64]

LANES = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F))
NULL = np.uint64(0x7FF8DEADBEEF0001)  # no time or whole number of a trip, and more bits than a float's
BLOCK_ROWS = 8_192  # fits the processor's cache


def content_ids(family: str, values: Sequence[pl.Series]) -> pl.Series:
    """32 hexadecimal digits for each row: equal for rows of one family with equal *values*.

    *values* are times, whole numbers and floats. A float counts to single precision (0.6 m of a
    longitude in New York), so that a single-precision column and its text give the same id.
    """
    salt = np.uint64(int.from_bytes(hashlib.sha256(family.encode()).digest()[:8], "little"))
    columns = [_words(series) for series in values]
    digests = np.empty((len(values[0]), len(LANES)), dtype="<u8")
    with np.errstate(over="ignore"):
        for start in range(0, len(digests), BLOCK_ROWS):
            block = slice(start, start + BLOCK_ROWS)
            for number, lane in enumerate(LANES):
                state = np.full(len(digests[block]), salt ^ lane)
                for words in columns:
                    state *= np.uint64(31)
                    state += words[block]
                    state += lane
                    _mix(state)
                digests[block, number] = state
    fixed = pa.FixedSizeBinaryArray.from_buffers(pa.binary(16), len(digests), [None, pa.py_buffer(digests)])
    return pl.Series("trip_id", fixed).bin.encode("hex")


def named_ids(family: str, names: pl.Series) -> pl.Series:
    """32 hexadecimal digits for each row from the id that its source gave it; null where it gave none."""
    ids = [None if name is None else named_trip_id(family, name) for name in names]
    return pl.Series("trip_id", ids, dtype=pl.String)


def _words(series: pl.Series) -> Words:
    if series.dtype.is_float():
        with np.errstate(over="ignore"):
            floats = series.fill_null(0.0).to_numpy().astype(np.float32)
        # Adding zero turns -0.0 into 0.0.
        words = (floats + np.float32(0)).view(np.uint32).astype(np.uint64)
    else:
        words = series.to_physical().cast(pl.Int64).fill_null(0).to_numpy().astype(np.int64).view(np.uint64)
    return np.where(series.is_null().to_numpy(), NULL, words) if series.null_count() else words


def _mix(x: Words) -> None:
    x ^= x >> np.uint64(30)
    x *= np.uint64(0xBF58476D1CE4E5B9)
    x ^= x >> np.uint64(27)
    x *= np.uint64(0x94D049BB133111EB)
    x ^= x >> np.uint64(31)
