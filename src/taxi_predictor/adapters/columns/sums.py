"""The fingerprint of a set of trips, from columns."""

import numpy as np
import polars as pl

from taxi_predictor.domain.trip_sum import IDS, TripSum

__all__ = ["ids_sum"]

HALF = 2**64


def words_of_ids(ids: pl.Series) -> "np.ndarray[tuple[int, int], np.dtype[np.uint64]]":
    """The first and the second half of each id as a number, of shape (trips, 2)."""
    digits = b"".join(ids.str.decode("hex").to_list())
    return np.frombuffer(digits, dtype=">u8").astype(np.uint64).reshape(-1, 2)


def ids_sum(ids: pl.Series) -> TripSum:
    """:meth:`TripSum.of` of a column."""
    words = words_of_ids(ids)
    # Thirty-two bits at a time: sums of so many trips as there are do not run over.
    low, high = (words & np.uint64(2**32 - 1)).sum(axis=0), (words >> np.uint64(32)).sum(axis=0)
    first, second = (int(more) * 2**32 + int(less) for more, less in zip(high, low, strict=True))
    return TripSum(trips=len(ids), ids=(first * HALF + second) % IDS)
