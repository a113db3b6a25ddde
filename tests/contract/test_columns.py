"""Columns of plans keep their contract."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from random import Random
from statistics import fmean

from taxi_predictor.adapters.columns.plans import FramePlanColumns
from taxi_predictor.domain.place import Place, Point, straight_km
from taxi_predictor.domain.trip import TripPlan
from taxi_predictor.ports.outbound.plans import PlanColumns
from taxi_predictor.ports.testing.plans import PlanColumnsContract
from taxi_predictor.ports.testing.samples import NOON


class TestFramePlanColumns(PlanColumnsContract):
    @asynccontextmanager
    async def open(self) -> AsyncIterator[PlanColumns]:
        yield FramePlanColumns()


def test_trips_of_a_grid_that_are_alike_come_one_after_the_other() -> None:
    """So engines that look at 64 at once see places nearer to each other than in an order by origin."""
    random = Random(1)
    ends = [Place(Point(40.6 + random.random() / 4, -74 + random.random() / 4)) for _ in range(128)]
    by_origin = [TripPlan(pickup=start, dropoff=end, pickup_at=NOON) for start in ends for end in ends]
    laid_out = FramePlanColumns().grid(ends, ends, [NOON]).plans
    assert _mean_width_km(list(laid_out)) < _mean_width_km(by_origin) * 2 / 3


def _mean_width_km(plans: Sequence[TripPlan]) -> float:
    """Of what holds the pickups of 64 trips in turn, and of what holds their drop-offs, corner to corner."""
    widths_km = []
    for first in range(0, len(plans), 64):
        group = plans[first : first + 64]
        for points in ([plan.pickup.point for plan in group], [plan.dropoff.point for plan in group]):
            lat_deg, lon_deg = zip(*((point.lat_deg, point.lon_deg) for point in points), strict=True)
            corners = (Place(Point(min(lat_deg), min(lon_deg))), Place(Point(max(lat_deg), max(lon_deg))))
            widths_km.append(straight_km(*corners))
    return fmean(widths_km)
