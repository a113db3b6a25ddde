"""Trips by the minute of their duration, day by day, so that quantiles look at few of them."""

from collections.abc import Sequence
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

from taxi_predictor.adapters.columns.windows import EPOCH, IS_WEEKEND, kept, wanted
from taxi_predictor.domain.traffic import MINUTES, Window

__all__ = ["MinutesOfDays", "by_minute"]

KINDS = MINUTES + 1
"""The minutes that there are, and none, which no trip takes."""
Floats = NDArray[np.float32]


def by_minute(trips: pl.DataFrame) -> pl.DataFrame:
    """*trips* in the order of their days, and of the minutes within them, which are a column now.

    NumPy divides; Polars multiplies by a sixtieth, which makes more than ten minutes of 600 seconds.
    """
    minutes = np.clip(np.ceil(trips["duration_s"].to_numpy() / np.float32(60)), 1, MINUTES)
    return trips.with_columns(pl.Series("minute", minutes.astype(np.uint8))).sort(
        pl.col("day").to_physical() * KINDS + pl.col("minute")
    )


class MinutesOfDays:
    """Of trips that are ordered as :func:`by_minute` does."""

    def __init__(self, trips: pl.DataFrame) -> None:
        self._trips = trips

    def counts(self, window: Window) -> NDArray[np.int64]:
        """How many trips there are of each minute, none before the first."""
        of_days = window.hour is None
        found = kept(self._counted if of_days else self._trips.with_columns(IS_WEEKEND, trips=1), window)
        counts = np.zeros(KINDS, dtype=np.int64)
        np.add.at(counts, found["minute"].to_numpy(), found["trips"].to_numpy())
        return counts

    def quantiles_s(
        self, window: Window, counts: NDArray[np.int64], shares: Sequence[float]
    ) -> Sequence[float | None]:
        """Exactly, though only the trips of those minutes are looked at in which they lie; None of no trip.

        *counts* are those of the *window*. Between two trips a straight line is drawn.
        """
        until = np.cumsum(counts)
        n = int(until[-1])
        if not n:
            return [None] * len(shares)
        sorted_s: dict[int, Floats] = {}

        def ranked_s(rank: int) -> float:
            minute = int(np.searchsorted(until, rank, side="right"))
            if minute not in sorted_s:
                sorted_s[minute] = np.sort(self._of_minute_s(window, minute))
            return float(sorted_s[minute][rank - int(until[minute] - counts[minute])])

        found = []
        for share in shares:
            place = share * (n - 1)
            low = int(place)
            low_s, high_s = ranked_s(low), ranked_s(min(low + 1, n - 1))
            found.append(low_s + (high_s - low_s) * (place - low))
        return found

    def _of_minute_s(self, window: Window, minute: int) -> Floats:
        """The durations of the trips in *window* that are counted under *minute*: of each day one piece."""
        days, until = self._pieces
        first, last = 0, len(days)
        if window.first is not None:
            first = int(np.searchsorted(days, (window.first - EPOCH).days, side="left"))
        if window.last is not None:
            last = int(np.searchsorted(days, (window.last - EPOCH).days, side="right"))
        conditions = wanted(window, IS_WEEKEND)
        trips = self._trips if conditions else self._trips.select("duration_s")
        places = range(first * KINDS + minute, last * KINDS, KINDS)
        found = pl.concat([trips.slice(until[place], until[place + 1] - until[place]) for place in places])
        chosen = found.filter(conditions) if conditions else found
        seconds: Floats = chosen["duration_s"].to_numpy()
        return seconds

    @cached_property
    def _counted(self) -> pl.DataFrame:
        return self._trips.group_by("day", "family", "minute", IS_WEEKEND).agg(
            pl.len().cast(pl.Int64).alias("trips")
        )

    @cached_property
    def _pieces(self) -> tuple[NDArray[np.int32], Sequence[int]]:
        """The days there are, and where each minute of each begins among the trips."""
        days, day = np.unique(self._trips["day"].to_physical().to_numpy(), return_inverse=True)
        pieces = day * KINDS + self._trips["minute"].to_numpy()
        counts = np.bincount(pieces, minlength=len(days) * KINDS)
        return days, [0, *np.cumsum(counts).tolist()]
