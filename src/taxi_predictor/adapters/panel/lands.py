"""The map and the names of the city as the zone table is now, drawn once for everybody."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property

from markupsafe import Markup

from taxi_predictor.adapters.panel.charts.atlas import Atlas
from taxi_predictor.adapters.panel.gazetteer import Gazetteer
from taxi_predictor.domain.city import City
from taxi_predictor.domain.errors import NoZones, Unavailable
from taxi_predictor.domain.place import Point, ZoneId, ZoneTable
from taxi_predictor.domain.traffic import Window, cell_bounds
from taxi_predictor.ports.inbound.answers.predicting import DurationPredictor
from taxi_predictor.ports.inbound.trips.traffic import Traffic

__all__ = ["Land", "Lands", "pin"]


@dataclass(frozen=True)
class Land:
    city: City
    zones: ZoneTable | None
    cells: frozenset[int] = frozenset()

    @cached_property
    def atlas(self) -> Atlas:
        return Atlas(self.city, self.zones, self.cells)

    @cached_property
    def gazetteer(self) -> Gazetteer:
        return Gazetteer(self.city, self.zones)

    def spot_name(self, spot: int) -> str:
        """What people call a zone, or the middle of a cell."""
        if (bounds := cell_bounds(spot)) is not None:
            return f"{bounds.centre.lat_deg:.3f},{bounds.centre.lon_deg:.3f}"
        return self.gazetteer.names.get(ZoneId(spot), str(spot))

    @property
    def choices(self) -> Sequence[str]:
        return self.gazetteer.choices


class Lands:
    """Keeps the last one as long as the zone table is the same."""

    def __init__(self, predictor: DurationPredictor, traffic: Traffic) -> None:
        self._predictor = predictor
        self._traffic = traffic
        self.last = Land(predictor.city, None)

    async def here(self) -> Land:
        """As the zones are now; without any, or while none can be read, a map of cells or of the frame."""
        try:
            zones: ZoneTable | None = await self._predictor.zones()
        except (NoZones, Unavailable):
            zones = None
        land = Land(self._predictor.city, zones, self.last.cells)
        if not (zones and all(zone.outline for zone in zones)):
            with suppress(Unavailable):
                land = Land(self._predictor.city, zones, await self._cells())
        if land != self.last:
            self.last = land
        return self.last

    async def _cells(self) -> frozenset[int]:
        """Where trips ever began: without outlines, that shows the shape of the city."""
        return frozenset(count.spot for count in await self._traffic.spots(Window()) if count.spot < 0)


def pin(atlas: Atlas, point: Point, letter: str) -> Markup:
    """A mark on the map; nothing beyond its edge."""
    if point not in atlas.bounds:
        return Markup()
    mark = Markup(
        '<g class="pin pin-{letter}" transform="translate({x} {y})"><g class="steady">'
        '<path d="M0 0C-5 -9 -10 -13 -10 -20A10 10 0 0 1 10 -20C10 -13 5 -9 0 0Z"/>'
        '<text y="-16">{letter}</text></g></g>'
    )
    x, y = atlas.xy(point)
    return mark.format(letter=letter, x=x, y=y)
