"""Trips that have not started, laid out as polars frames."""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

from taxi_predictor.adapters.columns.arrays import ARRAYS, as_column
from taxi_predictor.domain.arithmetic import Column, ColumnArithmetic
from taxi_predictor.domain.place import Place
from taxi_predictor.domain.trip import PLAN_COLUMNS, PlanBatch, TripPlan
from taxi_predictor.ports.outbound.plans import PlanColumns, PlanGrid

__all__ = ["FramePlanColumns", "FramePlanGrid"]

INSTANT = pl.Datetime("us", "UTC")
Numbers = NDArray[np.int64]


class FramePlanGrid(PlanGrid):
    def __init__(
        self,
        origins: Sequence[Place | None],
        destinations: Sequence[Place | None],
        departures: Sequence[datetime],
    ) -> None:
        self._origins = _Distinct(origins)
        self._destinations = _Distinct(destinations)
        self._departures = list(dict.fromkeys(departures))
        place_of = {at: place for place, at in enumerate(self._departures)}
        self._departure_of = np.array([place_of[at] for at in departures], dtype=np.int64)

    @cached_property
    def _trips(self) -> Numbers:
        """The origin's number times the number of destinations, and the destination's, of each distinct trip.

        Trips that lie near each other come one after the other: engines that look at many trips at once have
        less to look at. They follow a curve through origins and destinations, each again along a curve.
        """
        froms, tos = (_along_a_curve(ends.places) for ends in (self._origins, self._destinations))
        cells = np.arange(len(froms) * len(tos))
        from_steps, to_steps = np.divmod(cells, max(1, len(tos)))
        chosen = np.argsort(_interleaved(from_steps, to_steps), kind="stable")
        return froms[from_steps[chosen]] * len(tos) + tos[to_steps[chosen]]

    @cached_property
    def plans(self) -> PlanBatch:
        # One object per place, none per trip: numpy repeats them.
        times, trips = len(self._departures), self._trips
        at = pl.Series([when.astimezone(UTC) for when in self._departures], dtype=INSTANT)
        columns = {"pickup_at": at.gather(np.repeat(np.arange(times), len(trips)))}
        numbers = np.divmod(trips, max(1, len(self._destinations.places)))
        for end, places, of_trip in zip(
            ("pickup", "dropoff"), (self._origins.places, self._destinations.places), numbers, strict=True
        ):
            for name, values in _cells(end, places).items():
                columns[name] = values.gather(np.tile(of_trip, times))
        columns["passenger_count"] = pl.Series([None], dtype=pl.Int64).new_from_index(0, times * len(trips))
        return PlanBatch(pl.DataFrame(columns).select(PLAN_COLUMNS))

    def spread(self, values: Column, /) -> Column:
        times, froms, tos = (
            len(self._departures),
            len(self._origins.places),
            len(self._destinations.places),
        )
        in_order = np.empty((times, froms * tos))
        in_order[:, self._trips] = np.asarray(values).reshape(times, froms * tos)
        distinct = np.full((times, froms + 1, tos + 1), np.nan)
        distinct[:, :-1, :-1] = in_order.reshape(times, froms, tos)
        cells = distinct[np.ix_(self._departure_of, self._origins.numbers, self._destinations.numbers)]
        return as_column(cells.ravel())


def _along_a_curve(places: Sequence[Place]) -> Numbers:
    """The numbers of *places* such that most neighbours come one after the other (G. M. Morton, 1966)."""
    axes = np.array([[place.point.lat_deg, place.point.lon_deg] for place in places]).reshape(-1, 2).T
    return np.argsort(_interleaved(*axes.argsort(axis=1).argsort(axis=1)), kind="stable")


def _interleaved(first: Numbers, second: Numbers) -> Numbers:
    """The bits of both in turn, from the lowest on."""
    highest = int(max(first.max(initial=0), second.max(initial=0)))
    woven = np.zeros_like(first)
    for bit in range(highest.bit_length()):
        woven |= (first >> bit & 1) << 2 * bit + 1 | (second >> bit & 1) << 2 * bit
    return woven


class _Distinct:
    """*places* without repetition, and the number of each that was given; -1 is no place."""

    def __init__(self, given: Sequence[Place | None]) -> None:
        self.places: list[Place] = list(dict.fromkeys(place for place in given if place is not None))
        number_of = {place: number for number, place in enumerate(self.places)}
        self.numbers = np.array(
            [-1 if place is None else number_of[place] for place in given], dtype=np.int64
        )


class FramePlanColumns(PlanColumns):
    @property
    def m(self) -> ColumnArithmetic:
        return ARRAYS

    def of(self, plans: Sequence[TripPlan], /) -> PlanBatch:
        columns = {
            "pickup_at": pl.Series([plan.pickup_at.astimezone(UTC) for plan in plans], dtype=INSTANT),
            **_cells("pickup", [plan.pickup for plan in plans]),
            **_cells("dropoff", [plan.dropoff for plan in plans]),
            "passenger_count": pl.Series([plan.passenger_count for plan in plans], dtype=pl.Int64),
        }
        return PlanBatch(pl.DataFrame(columns).select(PLAN_COLUMNS))

    def grid(
        self,
        origins: Sequence[Place | None],
        destinations: Sequence[Place | None],
        departures: Sequence[datetime],
        /,
    ) -> FramePlanGrid:
        return FramePlanGrid(origins, destinations, departures)


def _cells(end: str, places: Sequence[Place]) -> dict[str, pl.Series]:
    return {
        f"{end}_lat_deg": pl.Series([place.point.lat_deg for place in places], dtype=pl.Float64),
        f"{end}_lon_deg": pl.Series([place.point.lon_deg for place in places], dtype=pl.Float64),
        f"{end}_zone": pl.Series([place.zone for place in places], dtype=pl.Int64),
    }
