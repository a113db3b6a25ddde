"""How long from each of these to each of those?"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from taxi_predictor.domain.arithmetic import Column, ColumnArithmetic
from taxi_predictor.domain.errors import TooMuch
from taxi_predictor.domain.place import Place, great_circle_km
from taxi_predictor.domain.possibility import refuse_absurd
from taxi_predictor.domain.trip import PlanBatch
from taxi_predictor.ports.inbound.answers.predicting import DurationPredictor
from taxi_predictor.ports.outbound.plans import PlanColumns
from taxi_predictor.ports.outbound.shelf import ServedModel
from taxi_predictor.ports.outbound.telemetry import LoadTelemetry

__all__ = ["DurationMatrices", "DurationMatrix"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DurationMatrix:
    """Durations and distances between places; NaN where an end is outside the city."""

    durations_s: Column
    """Medians, row-major in (departures, origins, destinations), to the millisecond."""
    distances_km: Column
    """Great circles, row-major in (origins, destinations), to the metre."""
    served: ServedModel


class DurationMatrices:
    """Equal pairs are computed once; no object is made per cell.

    The event loop stays free, as :meth:`DurationPredictor.estimate` promises.
    """

    def __init__(
        self,
        *,
        predictor: DurationPredictor,
        columns: PlanColumns,
        max_cells: int,
        telemetry: LoadTelemetry,
    ) -> None:
        self._telemetry = telemetry
        self._predictor = predictor
        self._columns = columns
        self._max_cells = max_cells

    async def between(
        self, origins: Sequence[Place], destinations: Sequence[Place], departures: Sequence[datetime]
    ) -> DurationMatrix:
        """The duration of each trip between *origins* and *destinations* at each of *departures*.

        There is at least one departure.

        Raises:
            TooMuch: there would be more cells than are answered at once.
            InvalidTrip: a departure is beyond the calendar.
            NoChampion: no model was promoted yet.
        """
        cells = len(origins) * len(destinations) * len(departures)
        if cells > self._max_cells:
            raise TooMuch(
                f"{len(origins)} x {len(destinations)} places at {len(departures)} departures are {cells:,}"
                f" cells; at most {self._max_cells:,} are answered at once"
            )
        self._telemetry.asked_matrix(cells=cells)
        for number, at in enumerate(departures):
            refuse_absurd(at, f"departures/{number}")
        columns, froms, tos = self._columns, self._inside(origins), self._inside(destinations)
        grid, estimates, served = await self._predictor.estimate_grid(froms, tos, departures)

        def spread() -> DurationMatrix:
            m = columns.m
            medians_s = m.joined([m.column(()), *(e.distribution.median_s() for e in estimates)])
            once = grid if len(departures) == 1 else columns.grid(froms, tos, departures[:1])
            return DurationMatrix(
                durations_s=grid.spread(m.rounded(medians_s, 3)),
                distances_km=once.spread(m.rounded(_distances_km(m, once.plans), 3)),
                served=served,
            )

        return await asyncio.to_thread(spread)

    def _inside(self, places: Sequence[Place]) -> Sequence[Place | None]:
        bounds = self._predictor.city.bounds
        return [place if place.point in bounds else None for place in places]


def _distances_km(m: ColumnArithmetic, plans: PlanBatch) -> Column:
    from_lat_deg, from_lon_deg, to_lat_deg, to_lon_deg = (
        m.column(plans.table.get_column(f"{end}_{axis}_deg"))
        for end in ("pickup", "dropoff")
        for axis in ("lat", "lon")
    )
    return great_circle_km(m, from_lat_deg, from_lon_deg, to_lat_deg, to_lon_deg)
