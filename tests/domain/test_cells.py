"""Cells around a point, and the areas that they and zones make on a map."""

import json
from itertools import pairwise

import pytest
import shapely
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from taxi_predictor.domain.arithmetic import SCALAR
from taxi_predictor.domain.cells import CellGrid
from taxi_predictor.domain.city import City
from taxi_predictor.domain.outline import Polygon, area_km2, polygons_of, rectangle
from taxi_predictor.domain.place import Bounds, Point, great_circle_km
from taxi_predictor.ports.testing.strategies import A_CITY, cities, points

few = settings(max_examples=50, deadline=None)

SQUARE = [[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]]
HOLE = [[0.2, 0.2], [0.8, 0.2], [0.8, 0.8], [0.2, 0.8], [0.2, 0.2]]


@st.composite
def grids(draw: st.DrawFn) -> tuple[City, CellGrid, float]:
    """A grid somewhere in a city, of at most some thousand cells, with its radius."""
    city = draw(cities() | st.just(A_CITY))
    radius_km = draw(st.floats(0, 60))
    grid = CellGrid.around(
        draw(points(within=city)),
        cell_km=draw(st.floats(0.5, 8)),
        radius_km=radius_km,
        bounds=city.bounds,
    )
    assume(len(grid) < 3000)
    return city, grid, radius_km


def distance_km(a: Point, b: Point) -> float:
    return great_circle_km(SCALAR, a.lat_deg, a.lon_deg, b.lat_deg, b.lon_deg)


@few
@given(grids())
def test_the_point_is_the_middle_of_a_cell_and_no_middle_is_out_of_bounds(
    drawn: tuple[City, CellGrid, float],
) -> None:
    city, grid, _ = drawn
    middles = list(grid.middles())
    assert len(middles) == len(grid)
    assert grid.middle in middles
    assert all(middle in city.bounds for middle in middles)


@few
@given(grids(), st.floats(-1, 1), st.floats(-1, 1))
def test_every_point_within_the_radius_is_in_a_cell_or_next_to_one(
    drawn: tuple[City, CellGrid, float], north: float, east: float
) -> None:
    city, grid, radius_km = drawn
    bounds, middle = city.bounds, grid.middle
    point = Point(
        min(max(middle.lat_deg + north, bounds.south_deg), bounds.north_deg),
        min(max(middle.lon_deg + east, bounds.west_deg), bounds.east_deg),
    )
    assume(distance_km(point, middle) <= radius_km)
    row = (point.lat_deg - middle.lat_deg) / grid.row_deg
    column = (point.lon_deg - middle.lon_deg) / grid.column_deg
    assert grid.rows[0] - 1 < row < grid.rows[-1] + 1
    assert grid.columns[0] - 1 < column < grid.columns[-1] + 1


@few
@given(grids(), st.data())
def test_rectangles_cover_the_cells_that_are_in_and_no_other(
    drawn: tuple[City, CellGrid, float], data: st.DataObject
) -> None:
    _, grid, _ = drawn
    seed = data.draw(st.randoms(use_true_random=False))
    is_in = [seed.random() < 0.7 for _ in range(len(grid))]
    rectangles = list(grid.rectangles(is_in))
    for middle, one in zip(grid.middles(), is_in, strict=True):
        assert any(middle in rectangle for rectangle in rectangles) == one


def test_neighbours_in_a_row_are_one_rectangle() -> None:
    grid = CellGrid.around(Point(40.75, -73.98), cell_km=1, radius_km=3, bounds=A_CITY.bounds)
    assert (grid.rows, grid.columns) == (range(-3, 4), range(-3, 4))
    assert len(list(grid.rectangles([True] * 49))) == 7
    area = sum(area_km2(rectangle(bounds)) for bounds in grid.rectangles([True] * 49))
    assert area == pytest.approx(49, rel=1e-3)


def test_around_a_pole_there_are_all_meridians_and_elsewhere_there_are_not() -> None:
    arctic = Bounds(south_deg=60, west_deg=-180, north_deg=90, east_deg=180)
    polar = CellGrid.around(Point(89.9, 10), cell_km=20, radius_km=60, bounds=arctic)
    assert min(middle.lon_deg for middle in polar.middles()) < -170 + polar.column_deg
    assert max(middle.lon_deg for middle in polar.middles()) > 180 - polar.column_deg
    northern = CellGrid.around(Point(65, 10), cell_km=20, radius_km=60, bounds=arctic)
    assert (northern.rows, northern.columns) == (range(-3, 4), range(-3, 4))


def test_cells_end_where_the_city_does() -> None:
    corner = Point(A_CITY.bounds.north_deg, A_CITY.bounds.east_deg)
    grid = CellGrid.around(corner, cell_km=1, radius_km=0, bounds=A_CITY.bounds)
    [quarter] = grid.rectangles([True])
    assert area_km2(rectangle(quarter)) == pytest.approx(0.25, rel=1e-2)


def rings_are_wound(polygon: Polygon) -> bool:
    exterior, *holes = (shapely.LinearRing(ring) for ring in polygon)
    return bool(exterior.is_ccw) and not any(hole.is_ccw for hole in holes)


@pytest.mark.parametrize("square", [SQUARE, SQUARE[::-1]])
@pytest.mark.parametrize("hole", [HOLE, HOLE[::-1]])
def test_outlines_are_wound_as_they_should_be_however_they_were_stored(
    square: list[list[float]], hole: list[list[float]]
) -> None:
    polygon = {"type": "Polygon", "coordinates": [square, hole]}
    several = {"type": "MultiPolygon", "coordinates": [[square, hole], [square]]}
    [one] = polygons_of(json.dumps(polygon))
    two, three = polygons_of(json.dumps(several))
    assert all(map(rings_are_wound, (one, two, three)))
    assert one == two
    assert all(ring[0] == ring[-1] for ring in one)
    # One degree of the equator has 111.195 km; the hole takes 0.36 of the square.
    assert area_km2(three) == pytest.approx(111.195**2, rel=1e-3)
    assert area_km2(one) == pytest.approx(0.64 * 111.195**2, rel=1e-3)


@pytest.mark.parametrize("turn", [1, -1])
def test_a_zone_of_a_few_streets_is_wound_as_a_borough_is(turn: int) -> None:
    block = [[x / 1000, y / 1000] for x, y in SQUARE[::turn]]
    [polygon] = polygons_of(json.dumps({"type": "Polygon", "coordinates": [block]}))
    assert rings_are_wound(polygon)
    assert area_km2(polygon) == pytest.approx(0.111195**2, rel=1e-3)


@given(st.floats(-90, 89), st.floats(-180, 178))
def test_bands_of_rectangles_add_up_to_the_whole(south_deg: float, west_deg: float) -> None:
    def area(low: float, high: float) -> float:
        return area_km2(
            rectangle(
                Bounds(south_deg=low, north_deg=high, west_deg=round(west_deg, 6), east_deg=west_deg + 1)
            )
        )

    edges = [south_deg + share for share in (0, 0.25, 0.5, 1)]
    parts = sum(area(low, high) for low, high in pairwise(edges))
    assert parts == pytest.approx(area(edges[0], edges[-1]), rel=1e-6, abs=1e-6)
