"""Square cells that cover what is around a point."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import asin, ceil, cos, degrees, floor, pi, radians, sin

from taxi_predictor.domain.place import EARTH_RADIUS_KM, Bounds, Point

__all__ = ["CellGrid"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CellGrid:
    """Cells in rows from south to north and columns from west to east, all of one size in degrees.

    *middle* is the middle of the cell in row 0 and column 0. Cells are square at its latitude. Those
    whose middle is within *bounds* count, and end at them.
    """

    middle: Point
    bounds: Bounds
    row_deg: float
    column_deg: float
    rows: range
    columns: range

    @classmethod
    def around(cls, middle: Point, *, cell_km: float, radius_km: float, bounds: Bounds) -> "CellGrid":
        """All cells with their middle within *radius_km* (and a few more), but none beyond *bounds*.

        *middle* is within *bounds*.
        """
        lat_deg, lon_deg = middle.lat_deg, middle.lon_deg
        reach_lat_deg = degrees(radius_km / EARTH_RADIUS_KM)
        reach_lon_deg = _reach_lon_deg(lat_deg, radius_km)
        row_deg = degrees(cell_km / EARTH_RADIUS_KM)
        column_deg = row_deg / cos(radians(lat_deg))
        return cls(
            middle=middle,
            bounds=bounds,
            row_deg=row_deg,
            column_deg=column_deg,
            rows=_steps(
                max(bounds.south_deg - lat_deg, -reach_lat_deg),
                min(bounds.north_deg - lat_deg, reach_lat_deg),
                row_deg,
            ),
            columns=_steps(
                max(bounds.west_deg - lon_deg, -reach_lon_deg),
                min(bounds.east_deg - lon_deg, reach_lon_deg),
                column_deg,
            ),
        )

    def __len__(self) -> int:
        return len(self.rows) * len(self.columns)

    def middles(self) -> Iterator[Point]:
        """The middle of each cell, row by row."""
        for row in self.rows:
            lat_deg = self._lat_deg(row)
            for column in self.columns:
                yield Point(lat_deg, self._lon_deg(column))

    def rectangles(self, is_in: Sequence[bool]) -> Iterator[Bounds]:
        """The cells that are in, row by row as :meth:`middles`; neighbours in a row are one rectangle."""
        width = len(self.columns)
        for number, row in enumerate(self.rows):
            south_deg, north_deg = self._lat_deg(row - 0.5), self._lat_deg(row + 0.5)
            for first, last in _runs(is_in[number * width : (number + 1) * width]):
                yield Bounds(
                    south_deg=south_deg,
                    west_deg=self._lon_deg(self.columns[first] - 0.5),
                    north_deg=north_deg,
                    east_deg=self._lon_deg(self.columns[last] + 0.5),
                )

    def _lat_deg(self, row: float) -> float:
        lat_deg = self.middle.lat_deg + row * self.row_deg
        return min(max(lat_deg, self.bounds.south_deg), self.bounds.north_deg)

    def _lon_deg(self, column: float) -> float:
        lon_deg = self.middle.lon_deg + column * self.column_deg
        return min(max(lon_deg, self.bounds.west_deg), self.bounds.east_deg)


def _reach_lon_deg(lat_deg: float, radius_km: float) -> float:
    """How far a circle on the sphere reaches east and west of its middle.

    That is not on the middle's parallel but nearer to the pole, where meridians are closer.
    """
    angle = radius_km / EARTH_RADIUS_KM
    if angle >= pi / 2 - abs(radians(lat_deg)):
        return 360.0  # it holds a pole, and so all meridians
    return degrees(asin(sin(angle) / cos(radians(lat_deg))))


def _steps(low: float, high: float, step: float) -> range:
    """The whole numbers of steps from *low* to *high*, which have zero between them."""
    return range(ceil(low / step), floor(high / step) + 1)


def _runs(is_in: Sequence[bool]) -> Iterator[tuple[int, int]]:
    """The first and the last of those that follow each other."""
    begin = None
    for number, one in enumerate((*is_in, False)):
        if one and begin is None:
            begin = number
        elif not one and begin is not None:
            yield begin, number - 1
            begin = None
