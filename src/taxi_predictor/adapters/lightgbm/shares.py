"""Shares of trips: each share covers the whole time, and every trip is in exactly one of them."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from taxi_predictor.adapters.lightgbm.row_file import STRETCH_ROWS

__all__ = ["ALL_TRIPS", "Share"]


@dataclass(frozen=True, kw_only=True)
class Share:
    """One of so many shares of trips that are counted as they come, in the order of time.

    Short stretches, drawn by chance: each share sees every season, weekday and hour. Members of a team
    draw alike, so that none of the trips is left out and none is seen twice.
    """

    number: int = 0
    shares: int = 1
    trips: int = 0
    """Of all shares together; of one share nobody has to know."""
    seed: int = 0

    def mask(self, first: int, last: int) -> NDArray[np.bool_]:
        """Which of the trips *first* up to, not including, *last* are of this share."""
        if self.shares == 1:
            return np.ones(last - first, dtype=np.bool_)
        mask: NDArray[np.bool_] = self._is_ours[np.arange(first, last) // STRETCH_ROWS]
        return mask

    @cached_property
    def _is_ours(self) -> NDArray[np.bool_]:
        stretches = -(-self.trips // STRETCH_ROWS)
        drawn = np.random.default_rng(self.seed).permutation(stretches)
        is_ours = np.zeros(stretches, dtype=np.bool_)
        is_ours[drawn[self.number :: self.shares]] = True
        return is_ours


ALL_TRIPS = Share()
