"""Laying out trips that have not started in columns, without an object per cell."""

from abc import abstractmethod
from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from taxi_predictor.domain.arithmetic import Column, ColumnArithmetic
from taxi_predictor.domain.place import Place
from taxi_predictor.domain.trip import PlanBatch, TripPlan

__all__ = ["PlanColumns", "PlanGrid"]


class PlanGrid(Protocol):
    """Every trip from some origins to some destinations, at some departures; equal ones only once."""

    @property
    @abstractmethod
    def plans(self) -> PlanBatch:
        """The distinct trips, those of one departure together, else in an order of the grid's own."""
        ...

    @abstractmethod
    def spread(self, values: Column, /) -> Column:
        """What is known of each distinct trip, in the order of :attr:`plans`, for every cell.

        Row-major in (departures, origins, destinations); NaN where an end is no place.
        """
        ...


class PlanColumns(Protocol):
    """Trips that are asked about, as columns to calculate with."""

    @property
    @abstractmethod
    def m(self) -> ColumnArithmetic:
        """How one calculates with these columns."""
        ...

    @abstractmethod
    def of(self, plans: Sequence[TripPlan], /) -> PlanBatch:
        """*plans* in their order; there may be none."""
        ...

    @abstractmethod
    def grid(
        self,
        origins: Sequence[Place | None],
        destinations: Sequence[Place | None],
        departures: Sequence[datetime],
        /,
    ) -> PlanGrid:
        """The grid between places; None stands for an end that no trip can have.

        Places are equal that have the same point and zone. Departures are aware.
        """
        ...
