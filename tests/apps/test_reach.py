"""Where one can be in time: areas that grow, of places that a trip really reaches."""

from math import pi

import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from taxi_predictor.adapters.columns.plans import FramePlanColumns
from taxi_predictor.adapters.columns.speeds import fallback_model
from taxi_predictor.adapters.memory.clock import MemoryClock
from taxi_predictor.adapters.memory.telemetry import Predicted, RecordingTelemetry
from taxi_predictor.adapters.memory.zones import MemoryZoneStore
from taxi_predictor.domain.departures import farthest_km
from taxi_predictor.domain.errors import InvalidTrip, NoOutlines, NoZones, TooMuch
from taxi_predictor.domain.place import Place, Point, Zone, ZoneId, ZoneTable
from taxi_predictor.domain.record import AnswerSource
from taxi_predictor.domain.trip import TripPlan
from taxi_predictor.ports.inbound.answers.ladder import Ladder
from taxi_predictor.ports.inbound.answers.predicting import DurationPredictor
from taxi_predictor.ports.inbound.answers.reach import Area, Reach
from taxi_predictor.ports.outbound.shelf import ModelShelf
from taxi_predictor.ports.testing.samples import NOON
from taxi_predictor.ports.testing.strategies import A_CITY, places

START = Place(Point(40.75, -73.98))
TIMES_S = [900.0, 300.0, 1800.0]


@pytest.fixture
def reach(predictor: DurationPredictor) -> Reach:
    return Reach(predictor=predictor, columns=FramePlanColumns(), max_cells=5_000)


def zone(number: int, lat_deg: float, lon_deg: float, *, outline: bool = True) -> Zone:
    square = shapely.box(lon_deg - 0.01, lat_deg - 0.01, lon_deg + 0.01, lat_deg + 0.01)
    return Zone(
        id=ZoneId(number),
        name="",
        borough="",
        centroid=Point(lat_deg, lon_deg),
        outline=shapely.to_geojson(square) if outline else None,
    )


def table(*zones: Zone) -> ZoneTable:
    return ZoneTable({one.id: one for one in zones})


ZONES = table(zone(1, 40.75, -73.98), zone(2, 40.77, -73.98), zone(3, 40.50, -73.70), zone(4, 41.5, -73.98))


def shape_of(area: Area) -> shapely.Geometry:
    return shapely.union_all([shapely.Polygon(ring) for [ring] in area.polygons])


# The predictor remembers nothing of the examples before.
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(start=places(), probability=st.floats(0.05, 0.95), cell_km=st.floats(2, 5))
async def test_a_longer_time_loses_no_place(
    reach: Reach, start: Place, probability: float, cell_km: float
) -> None:
    found = await reach.by_cell(
        start, pickup_at=NOON, within_s=TIMES_S, probability=probability, cell_km=cell_km
    )
    assert [area.within_s for area in found.areas] == sorted(TIMES_S)
    small, middle, large = map(shape_of, found.areas)
    assert middle.buffer(1e-9).contains(small)
    assert large.buffer(1e-9).contains(middle)
    assert small.buffer(1e-9).contains(shapely.Point(start.point.lon_deg, start.point.lat_deg))
    assert all(shape_of(area).area > 0 for area in found.areas)
    sizes = [(area.cells, area.area_km2) for area in found.areas]
    assert sizes == sorted(sizes)


async def test_a_cell_is_reached_when_a_trip_to_its_middle_is_in_time(
    reach: Reach, predictor: DurationPredictor
) -> None:
    found = await reach.by_cell(START, pickup_at=NOON, within_s=[600], probability=0.8, cell_km=1)
    [area] = found.areas
    shape = shape_of(area)
    in_time = set()
    for north in range(-15, 16):
        for east in range(-15, 16):
            # 1 km north, and 1 km east at this latitude.
            point = Point(40.75 + north / 111.195, -73.98 + east / (111.195 * 0.757565))
            [prediction] = predictor.predict([TripPlan(pickup=START, dropoff=Place(point), pickup_at=NOON)])
            quantile_s = prediction.distribution.quantile_s(0.8)
            if abs(quantile_s - 600) > 1:
                is_in = shape.contains(shapely.Point(point.lon_deg, point.lat_deg))
                assert is_in == (quantile_s <= 600 or (north, east) == (0, 0))
                in_time.add(is_in)
    assert in_time == {True, False}


async def test_no_cell_is_asked_for_that_no_car_can_reach(shelf: ModelShelf) -> None:
    told = RecordingTelemetry()
    predictor = DurationPredictor(
        ladder=Ladder(shelf=shelf, fallback=fallback_model(A_CITY), lowest=AnswerSource.CHAMPION),
        zones=MemoryZoneStore(),
        clock=MemoryClock(NOON),
        city=A_CITY,
        columns=FramePlanColumns(),
        telemetry=told,
        load_telemetry=told,
    )
    reach = Reach(predictor=predictor, columns=FramePlanColumns(), max_cells=5_000)
    await reach.by_cell(START, pickup_at=NOON, within_s=[300], probability=0.5, cell_km=0.5)
    # As many as a circle holds, not as its square does.
    radius_km = farthest_km(300, A_CITY)
    asked = sum(call.trips for call in told.calls if isinstance(call, Predicted))
    assert asked == pytest.approx(pi * (radius_km / 0.5) ** 2, rel=0.05)


async def test_surer_is_smaller(reach: Reach) -> None:
    areas_km2 = []
    for probability in (0.1, 0.5, 0.9):
        found = await reach.by_cell(
            START, pickup_at=NOON, within_s=[1200], probability=probability, cell_km=2
        )
        areas_km2.append(found.areas[0].area_km2)
    assert areas_km2 == sorted(areas_km2, reverse=True)
    assert len(set(areas_km2)) == 3


async def test_in_three_hours_one_is_anywhere_in_the_city(reach: Reach, predictor: DurationPredictor) -> None:
    found = await reach.by_cell(START, pickup_at=NOON, within_s=[86_400], probability=0.5, cell_km=2)
    bounds = predictor.city.bounds
    city = shapely.box(bounds.west_deg, bounds.south_deg, bounds.east_deg, bounds.north_deg)
    assert shape_of(found.areas[0]).area == pytest.approx(city.area, rel=0.1)
    assert city.buffer(1e-6).contains(shape_of(found.areas[0]))


async def test_more_cells_than_are_answered_at_once_are_too_much(reach: Reach) -> None:
    with pytest.raises(TooMuch, match="at most 5,000"):
        await reach.by_cell(START, pickup_at=NOON, within_s=[3600], probability=0.5, cell_km=0.5)


async def test_a_start_outside_the_city_is_refused(reach: Reach) -> None:
    nowhere = Place(Point(0, 0))
    with pytest.raises(InvalidTrip, match="outside the bounds"):
        await reach.by_cell(nowhere, pickup_at=NOON, within_s=[60], probability=0.5, cell_km=1)
    with pytest.raises(InvalidTrip, match="outside the bounds"):
        await reach.by_zone(nowhere, pickup_at=NOON, within_s=[60], probability=0.5)


async def test_zones_are_reached_by_their_centroids_and_shown_by_their_outlines(
    reach: Reach, zones: MemoryZoneStore, predictor: DurationPredictor
) -> None:
    await zones.remember(ZONES)
    [near] = predictor.predict(
        [TripPlan(pickup=START, dropoff=Place(Point(40.77, -73.98), ZoneId(2)), pickup_at=NOON)]
    )
    times_s = [30, near.duration_s - 0.001, near.duration_s, 86_400]
    found = await reach.by_zone(START, pickup_at=NOON, within_s=times_s, probability=0.5)
    # The first is where one is already; the fourth is outside the city.
    assert [area.zones for area in found.areas] == [[1], [1], [1, 2], [1, 2, 3]]
    both = shapely.box(-73.99, 40.74, -73.97, 40.78)
    assert shape_of(found.areas[2]).symmetric_difference(both).area < 1e-12
    # Two hundredths of a degree by four.
    assert found.areas[2].area_km2 == pytest.approx(0.02 * 0.04 * 111.195**2 * 0.7574, rel=1e-3)


async def test_without_a_zone_table_nothing_is_drawn_by_zone(reach: Reach) -> None:
    with pytest.raises(NoZones):
        await reach.by_zone(START, pickup_at=NOON, within_s=[60], probability=0.5)


async def test_a_table_of_centroids_cannot_be_drawn(reach: Reach, zones: MemoryZoneStore) -> None:
    await zones.remember(table(zone(1, 40.75, -73.98), zone(2, 40.77, -73.98, outline=False)))
    with pytest.raises(NoOutlines, match=r"1 of 2 zones have no outline.*shapefile"):
        await reach.by_zone(START, pickup_at=NOON, within_s=[60], probability=0.5)
