"""The map, without a tile from anywhere: the outlines of the zones, or the frame of the city.

It is drawn once per zone table. What changes, such as colours, is a style sheet beside it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import cos, radians

from markupsafe import Markup

from taxi_predictor.domain.city import City
from taxi_predictor.domain.outline import Polygon, polygons_of
from taxi_predictor.domain.place import Bounds, Point, ZoneTable
from taxi_predictor.domain.traffic import cell_bounds

__all__ = ["Atlas"]

WIDTH = 1000
MARGIN_DEG = 0.01
SVG = Markup(
    '<svg class="atlas" viewBox="0 0 {width} {height}" role="img" aria-label="{label}" data-west="{west!r}"'
    ' data-north="{north!r}" data-x-per-deg="{x_per_deg!r}" data-y-per-deg="{y_per_deg!r}">'
    '<rect class="water" width="{width}" height="{height}"/>{frame}<g class="zones">{zones}</g>'
    '<g data-part="{prefix}under"></g><g class="airports">{airports}</g>'
    '<g data-part="{prefix}overlay"></g></svg>'
)


@dataclass(frozen=True)
class Atlas:
    """A flat map that keeps shapes at the city's latitude (equirectangular)."""

    city: City
    zones: ZoneTable | None
    cells: frozenset[int] = frozenset()
    """Where trips began, drawn where there are no outlines."""

    @cached_property
    def has_outlines(self) -> bool:
        return bool(self.zones) and all(zone.outline for zone in self.zones or ())

    @cached_property
    def bounds(self) -> Bounds:
        """What is shown: all zones where there are outlines, else the city."""
        if self.zones is None or not self.has_outlines:
            return self._frame_of_cells() or self.city.bounds
        positions = [at for zone in self.zones for ring in _rings(zone.outline or "") for at in ring]
        lons, lats = [lon for lon, _ in positions], [lat for _, lat in positions]
        return Bounds(
            south_deg=min(lats) - MARGIN_DEG,
            west_deg=min(lons) - MARGIN_DEG,
            north_deg=max(lats) + MARGIN_DEG,
            east_deg=max(lons) + MARGIN_DEG,
        )

    @property
    def x_per_deg(self) -> float:
        return WIDTH / (self.bounds.east_deg - self.bounds.west_deg)

    @property
    def y_per_deg(self) -> float:
        return self.x_per_deg / cos(radians(self.bounds.centre.lat_deg))

    @property
    def height(self) -> int:
        return round((self.bounds.north_deg - self.bounds.south_deg) * self.y_per_deg)

    def xy(self, point: Point) -> tuple[float, float]:
        x = (point.lon_deg - self.bounds.west_deg) * self.x_per_deg
        y = (self.bounds.north_deg - point.lat_deg) * self.y_per_deg
        return round(x, 1), round(y, 1)

    def svg(self, label: str, *, prefix: str = "") -> Markup:
        """The map; a zone's shape carries its id in ``data-zone``. Parts of it are named after *prefix*."""
        return SVG.format(
            width=WIDTH,
            height=self.height,
            label=label,
            prefix=prefix,
            west=self.bounds.west_deg,
            north=self.bounds.north_deg,
            x_per_deg=self.x_per_deg,
            y_per_deg=self.y_per_deg,
            frame="" if self.has_outlines else self._frame(),
            zones=self._shapes,
            airports=Markup().join(self._airports()),
        )

    def path(self, polygons: Iterable[Polygon]) -> str:
        """The outline of *polygons* for an SVG path; what is smaller than a dot is left out."""
        return "".join(self._ring(ring) for polygon in polygons for ring in polygon)

    def colours(self, shares: Mapping[int, float]) -> Markup:
        """A style sheet that tints zones, each by a share from 0 to 1."""
        rules = (
            f'.shaded .zones [data-zone="{zone}"]{{--v:{share:.3f};fill:var(--tint)}}'
            for zone, share in shares.items()
        )
        return Markup("".join(rules))  # noqa: S704 # numbers

    @cached_property
    def _shapes(self) -> Markup:
        if self.zones is None or not self.has_outlines:
            return Markup().join(self.cell(spot) for spot in sorted(self.cells))
        shape = Markup('<path data-zone="{}" d="{}"><title>{}</title></path>')
        return Markup().join(
            shape.format(zone.id, self.path(polygons_of(zone.outline or "")), zone.name)
            for zone in self.zones
        )

    def cell(self, spot: int, style: str = "", title: str = "") -> Markup:
        """The square of a cell."""
        bounds = cell_bounds(spot)
        assert bounds is not None
        (x, y), (right, bottom) = (
            self.xy(Point(bounds.north_deg, bounds.west_deg)),
            self.xy(Point(bounds.south_deg, bounds.east_deg)),
        )
        square = Markup('<path style="{}" d="M{} {}H{}V{}H{}Z">{}</path>')
        told = Markup("<title>{}</title>").format(title) if title else Markup()
        return square.format(style, x, y, right, bottom, x, told)

    def _frame_of_cells(self) -> Bounds | None:
        boxes = [box for box in map(cell_bounds, self.cells) if box is not None]
        if not boxes:
            return None
        return Bounds(
            south_deg=min(box.south_deg for box in boxes) - MARGIN_DEG,
            west_deg=min(box.west_deg for box in boxes) - MARGIN_DEG,
            north_deg=max(box.north_deg for box in boxes) + MARGIN_DEG,
            east_deg=max(box.east_deg for box in boxes) + MARGIN_DEG,
        )

    def _frame(self) -> Markup:
        """Lines every tenth of a degree, so that an empty map has a measure."""
        bounds, step = self.bounds, 0.1
        lines = []
        for number in range(int(bounds.west_deg / step), int(bounds.east_deg / step) + 1):
            x, _ = self.xy(Point(bounds.south_deg, number * step))
            lines.append(Markup('<path class="graticule" d="M{} 0V{}"/>').format(x, self.height))
        for number in range(int(bounds.south_deg / step), int(bounds.north_deg / step) + 1):
            _, y = self.xy(Point(number * step, bounds.west_deg))
            lines.append(Markup('<path class="graticule" d="M0 {}H{}"/>').format(y, WIDTH))
        return Markup().join(lines)

    def _airports(self) -> Sequence[Markup]:
        mark = Markup('<g transform="translate({} {})"><text>✈</text><title>{}</title></g>')
        return [
            mark.format(*self.xy(airport.point), airport.name)
            for airport in self.city.airports
            if airport.point in self.bounds
        ]

    def _ring(self, ring: Sequence[tuple[float, float]]) -> str:
        west, north = self.bounds.west_deg, self.bounds.north_deg
        steps: list[tuple[int, int]] = []
        for lon_deg, lat_deg in ring:
            at = round((lon_deg - west) * self.x_per_deg), round((north - lat_deg) * self.y_per_deg)
            if not steps or at != steps[-1]:
                steps.append(at)
        if len(steps) < 4:
            return ""
        return "M" + "L".join(f"{x} {y}" for x, y in steps) + "Z"


def _rings(outline: str) -> Iterable[Sequence[tuple[float, float]]]:
    return (ring for polygon in polygons_of(outline) for ring in polygon[:1])
