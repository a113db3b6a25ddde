"""A fingerprint of a set of trips that needs none of them in memory."""

from collections.abc import Iterable
from dataclasses import dataclass

from taxi_predictor.domain.trip import TripId

__all__ = ["IDS", "TripSum"]

IDS = 2**128
"""How many ids there are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TripSum:
    """How many trips there are, and their ids, read as numbers of 128 bits, added up modulo 2^128.

    It does not depend on their order. A trip never changes, so two sets of equal sums are the same.
    """

    trips: int = 0
    ids: int = 0

    @classmethod
    def of(cls, ids: Iterable[TripId]) -> "TripSum":
        numbers = [int(trip_id, 16) for trip_id in ids]
        return cls(trips=len(numbers), ids=sum(numbers) % IDS)

    def __add__(self, other: "TripSum") -> "TripSum":
        return TripSum(trips=self.trips + other.trips, ids=(self.ids + other.ids) % IDS)

    @property
    def digits(self) -> str:
        """The ids' sum in 32 hexadecimal digits."""
        return f"{self.ids:032x}"
