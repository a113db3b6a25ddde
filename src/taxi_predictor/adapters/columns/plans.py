"""Trips that have not started, laid out as polars frames."""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cached_property

import numpy as np
import polars as pl

from taxi_predictor.adapters.columns.arrays import ARRAYS, as_column
from taxi_predictor.domain.arithmetic import Column, ColumnArithmetic
from taxi_predictor.domain.place import Place
from taxi_predictor.domain.trip import PLAN_COLUMNS, PlanBatch, TripPlan
from taxi_predictor.ports.outbound.plans import PlanColumns, PlanGrid

__all__ = ["FramePlanColumns", "FramePlanGrid"]

INSTANT = pl.Datetime("us", "UTC")


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
    def plans(self) -> PlanBatch:
        # One object per place, none per trip: numpy repeats them.
        origins, destinations = self._origins.places, self._destinations.places
        times, froms, tos = len(self._departures), len(origins), len(destinations)
        at = pl.Series([when.astimezone(UTC) for when in self._departures], dtype=INSTANT)
        columns = {"pickup_at": at.gather(np.repeat(np.arange(times), froms * tos))}
        for end, places, each, again in (
            ("pickup", origins, tos, times),
            ("dropoff", destinations, 1, times * froms),
        ):
            for name, values in _cells(end, places).items():
                numbers = np.tile(np.repeat(np.arange(len(places)), each), again)
                columns[name] = values.gather(numbers)
        columns["passenger_count"] = pl.Series([None], dtype=pl.Int64).new_from_index(0, times * froms * tos)
        return PlanBatch(pl.DataFrame(columns).select(PLAN_COLUMNS))

    def spread(self, values: Column, /) -> Column:
        shape = (len(self._departures), len(self._origins.places), len(self._destinations.places))
        distinct = np.full((shape[0], shape[1] + 1, shape[2] + 1), np.nan)
        distinct[:, :-1, :-1] = np.asarray(values).reshape(shape)
        cells = distinct[np.ix_(self._departure_of, self._origins.numbers, self._destinations.numbers)]
        return as_column(cells.ravel())


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
