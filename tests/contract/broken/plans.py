"""Adapters that break what PlanColumns promises."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC
from typing import Any

import numpy as np
import polars as pl

from contract.breaking import breaks
from taxi_predictor.adapters.columns.arrays import frame
from taxi_predictor.adapters.columns.plans import FramePlanColumns, FramePlanGrid
from taxi_predictor.domain.arithmetic import Column
from taxi_predictor.domain.place import Place
from taxi_predictor.domain.trip import PlanBatch, TripPlan
from taxi_predictor.ports.testing.plans import PlanColumnsContract


@breaks(PlanColumnsContract, "test_plans_keep_their_order_and_all_that_they_say")
class LeavesAtFullSeconds(FramePlanColumns):
    def of(self, plans: Sequence[TripPlan], /) -> PlanBatch:
        return super().of([replace(plan, pickup_at=plan.pickup_at.replace(microsecond=0)) for plan in plans])


@breaks(PlanColumnsContract, "test_departures_may_be_given_at_any_offset")
class TakesAnyDepartureForUtc(FramePlanColumns):
    def of(self, plans: Sequence[TripPlan], /) -> PlanBatch:
        return super().of([replace(plan, pickup_at=plan.pickup_at.replace(tzinfo=UTC)) for plan in plans])


@breaks(PlanColumnsContract, "test_a_grid_holds_every_trip_once")
class ComputesEqualTripsAgain(FramePlanColumns):
    class grid(FramePlanGrid):  # noqa: N801 # it stands in for a method
        @property
        def plans(self) -> PlanBatch:
            return PlanBatch(pl.concat([frame(super().plans.table)] * 2))


@breaks(PlanColumnsContract, "test_every_cell_gets_what_is_known_of_its_trip")
class MixesUpTheCells(FramePlanColumns):
    class grid(FramePlanGrid):  # noqa: N801 # it stands in for a method
        def spread(self, values: Column, /) -> Column:
            return super().spread(values)[::-1]


@breaks(PlanColumnsContract, "test_a_cell_without_a_trip_is_nan")
class FillsHoles(FramePlanColumns):
    class grid(FramePlanGrid):  # noqa: N801 # it stands in for a method
        def spread(self, values: Column, /) -> Column:
            return np.nan_to_num(super().spread(values))


@breaks(PlanColumnsContract, "test_places_differ_by_point_or_zone")
class ForgetsZones(FramePlanColumns):
    class grid(FramePlanGrid):  # noqa: N801 # it stands in for a method
        def __init__(self, origins: Sequence[Place | None], *others: Any) -> None:
            super().__init__([place and Place(place.point) for place in origins], *others)
