"""Where can one be within so many minutes?"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from taxi_predictor.domain.cells import CellGrid
from taxi_predictor.domain.departures import farthest_km
from taxi_predictor.domain.errors import NoOutlines, TooMuch
from taxi_predictor.domain.outline import Polygon, area_km2, polygons_of, rectangle
from taxi_predictor.domain.place import Place, ZoneId, straight_km
from taxi_predictor.domain.possibility import refuse_absurd, refuse_outside
from taxi_predictor.ports.inbound.answers.predicting import DurationPredictor
from taxi_predictor.ports.outbound.plans import PlanColumns
from taxi_predictor.ports.outbound.shelf import ServedModel

__all__ = ["Area", "Reach", "ReachMap"]

A_METRE_KM = 0.001
"""To which distances are rounded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Area:
    """What is reached within *within_s*: a number of cells, or these zones."""

    within_s: float
    polygons: Sequence[Polygon]
    """Of cells, neighbours in a row are one; of zones, all that their outlines have."""
    area_km2: float
    cells: int | None = None
    zones: Sequence[ZoneId] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReachMap:
    """Areas for growing times, each within the next: one set of durations decides on all."""

    areas: Sequence[Area]
    served: ServedModel


class Reach:
    """A cell is reached when its middle is, a zone when its centroid is; where one is, one is at once.

    The event loop stays free, as :meth:`DurationPredictor.estimate` promises.
    """

    def __init__(self, *, predictor: DurationPredictor, columns: PlanColumns, max_cells: int) -> None:
        self._predictor = predictor
        self._columns = columns
        self._max_cells = max_cells

    async def by_cell(
        self,
        start: Place,
        *,
        pickup_at: datetime,
        within_s: Sequence[float],
        probability: float,
        cell_km: float,
    ) -> ReachMap:
        """The square cells around *start* that a trip reaches within each of *within_s*, at least one.

        It does so with *probability*. No cell is looked at that the fastest believable car cannot reach.

        Raises:
            TooMuch: the square around these has more cells than are answered at once.
            InvalidTrip: *start* is outside the city, or the departure beyond its calendar.
            NoChampion: no model was promoted yet.
        """
        self._refuse_impossible(start, pickup_at)
        city = self._predictor.city
        radius_km = farthest_km(max(within_s), city)
        grid = CellGrid.around(start.point, cell_km=cell_km, radius_km=radius_km, bounds=city.bounds)
        if len(grid) > self._max_cells:
            raise TooMuch(
                f"{len(grid.rows)} x {len(grid.columns)} cells of {cell_km} km are {len(grid):,};"
                f" at most {self._max_cells:,} are answered at once: choose larger cells, or less time"
            )

        def within_radius() -> list[Place | None]:
            # The grid is a square: its corners, a fifth of it, are too far away to be asked for.
            middles, farthest = map(Place, grid.middles()), radius_km + A_METRE_KM
            return [middle if straight_km(start, middle) <= farthest else None for middle in middles]

        places = await asyncio.to_thread(within_radius)
        durations_s, served = await self._durations_s(start, places, pickup_at, probability)

        def area(limit_s: float) -> Area:
            is_in = [duration_s <= limit_s for duration_s in durations_s]
            rectangles = [rectangle(bounds) for bounds in grid.rectangles(is_in)]
            return Area(
                within_s=limit_s,
                polygons=rectangles,
                area_km2=sum(map(area_km2, rectangles)),
                cells=sum(is_in),
            )

        areas = await asyncio.to_thread(lambda: [area(limit_s) for limit_s in sorted(set(within_s))])
        return ReachMap(areas=areas, served=served)

    async def by_zone(
        self, start: Place, *, pickup_at: datetime, within_s: Sequence[float], probability: float
    ) -> ReachMap:
        """The taxi zones that a trip from *start* reaches within each of *within_s*, with *probability*.

        Raises:
            NoZones: no zone table was ever remembered.
            NoOutlines: it is one of centroids.
            InvalidTrip, NoChampion: as :meth:`by_cell`.
            Unavailable: the zones were never read, and cannot be now.
        """
        self._refuse_impossible(start, pickup_at)
        zones = list(await self._predictor.zones())
        if without := sum(zone.outline is None for zone in zones):
            raise NoOutlines(
                f"{without} of {len(zones)} zones have no outline:"
                " ingest once with --zones and their shapefile, or ask by cell"
            )
        places = [Place(zone.centroid, zone.id) for zone in zones]
        durations_s, served = await self._durations_s(start, places, pickup_at, probability)

        def area(limit_s: float) -> Area:
            reached = [
                zone for zone, duration_s in zip(zones, durations_s, strict=True) if duration_s <= limit_s
            ]
            polygons = [polygon for zone in reached for polygon in polygons_of(zone.outline or "")]
            return Area(
                within_s=limit_s,
                polygons=polygons,
                area_km2=sum(map(area_km2, polygons)),
                zones=[zone.id for zone in reached],
            )

        areas = await asyncio.to_thread(lambda: [area(limit_s) for limit_s in sorted(set(within_s))])
        return ReachMap(areas=areas, served=served)

    def _refuse_impossible(self, start: Place, pickup_at: datetime) -> None:
        refuse_outside(start, self._predictor.city, "from")
        refuse_absurd(pickup_at)

    async def _durations_s(
        self, start: Place, places: Sequence[Place | None], pickup_at: datetime, probability: float
    ) -> tuple[Sequence[float], ServedModel]:
        """Within how long each of *places* is reached with *probability*; NaN outside the city."""
        m, bounds = self._columns.m, self._predictor.city.bounds
        inside = [place if place is not None and place.point in bounds else None for place in places]
        grid, estimates, served = await self._predictor.estimate_grid([start], inside, [pickup_at])

        def durations_s() -> Sequence[float]:
            quantiles_s = [m.column(()), *(e.distribution.quantile_s(probability) for e in estimates)]
            found_s = grid.spread(m.rounded(m.joined(quantiles_s), 3)).tolist()
            return [
                0.0 if place is not None and place.point == start.point else duration_s
                for place, duration_s in zip(places, found_s, strict=True)
            ]

        return await asyncio.to_thread(durations_s), served
