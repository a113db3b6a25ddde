"""Asks a forest about one trip, by a single call of machine code."""

import struct
import threading
from array import array

from taxi_predictor.adapters.lightgbm.booster_text import Unwalkable
from taxi_predictor.adapters.lightgbm.machine_trips import TripCode, trip_code
from taxi_predictor.adapters.lightgbm.walker import Walker
from taxi_predictor.domain.city import City
from taxi_predictor.domain.features import PlanValues
from taxi_predictor.domain.level import STRATA, LiveLevel

__all__ = ["TripWalker"]

_lay_out = struct.Struct(f"{len(PlanValues._fields) + 1}d").pack_into


class _Desk:
    """Where a trip lies and what is said of it; it belongs to one thread."""

    __slots__ = ("level", "levels", "levels_at", "said", "said_at", "trip", "trip_at")

    def __init__(self) -> None:
        self.trip, self.said = array("d", bytes(8 * (len(PlanValues._fields) + 1))), array("d", bytes(16))
        self.trip_at, self.said_at = self.trip.buffer_info()[0], self.said.buffer_info()[0]
        self.put(None)

    def put(self, level: LiveLevel | None) -> None:
        self.level = level
        self.levels = array("d", level.strata if level else bytes(8 * STRATA))
        self.levels_at = self.levels.buffer_info()[0]


class TripWalker:
    """What :data:`AskTrip` is, of two boosters that say centre and spread; safe to share between threads.

    Raises:
        Unwalkable: what a booster says is not just the sum of its trees.
    """

    def __init__(
        self, walker: Walker, city: City, features: tuple[str, ...], *, smallest_spread: float
    ) -> None:
        if not walker.is_plain:
            raise Unwalkable("what it says is not just the sum of its trees")
        self._walker = walker  # whose tables these are
        self._tables_at = walker.tables_at
        self._code: TripCode = trip_code(city, features, smallest_spread)
        self._own = threading.local()

    def __call__(
        self, values: PlanValues[float], share: float, clock: "array[float]", level: LiveLevel | None
    ) -> "array[float]":
        try:
            desk: _Desk = self._own.desk
        except AttributeError:
            desk = self._own.desk = _Desk()
        if desk.level is not level:
            desk.put(level)
        _lay_out(desk.trip, 0, *values, share)
        self._code.answer(self._tables_at, desk.trip_at, clock.buffer_info()[0], desk.levels_at, desk.said_at)
        return desk.said
