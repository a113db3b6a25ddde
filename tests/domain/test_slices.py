"""Who belongs to which slice, at the edges of each."""

import math
import re
from collections.abc import Mapping, Sequence

import pytest

from taxi_predictor.adapters.columns.arrays import ARRAYS
from taxi_predictor.domain.arithmetic import SCALAR
from taxi_predictor.domain.city import Airport, City
from taxi_predictor.domain.place import Bounds, Point, Zone, ZoneId, ZoneTable, great_circle_km
from taxi_predictor.domain.slices import BOROUGH, ORDER, slice_order, slices

SQUARE = City(
    name="square", time_zone="UTC", bounds=Bounds(south_deg=0, west_deg=10, north_deg=3, east_deg=16)
)
"""A row of regions is a degree high, a column two degrees wide."""

AN_ORDINARY_TRIP = {
    "distance_km": 4.0,
    "minute_of_day": 720.0,
    "weekday": 2.0,
    "is_holiday": 0.0,
    "pickup_zone": math.nan,
    "pickup_lat_deg": 1.5,
    "pickup_lon_deg": 13.0,
    "dropoff_lat_deg": 1.5,
    "dropoff_lon_deg": 13.0,
}


def members(
    trips: Sequence[Mapping[str, float]], *, city: City = SQUARE, zones: ZoneTable | None = None
) -> dict[str, list[float]]:
    """By slice, 1 for each trip that is in it."""
    columns = {
        name: ARRAYS.column([trip.get(name, usual) for trip in trips])
        for name, usual in AN_ORDINARY_TRIP.items()
    }
    return {name: column.tolist() for name, column in slices(ARRAYS, columns, city, zones)}


def of(name: str, values: Sequence[float], *also: tuple[str, float]) -> dict[str, list[float]]:
    return members([{name: value, **dict(also)} for value in values])


def test_distances_are_cut_where_their_names_say() -> None:
    found = of("distance_km", [0.99, 1.0, 1.49, 1.5, 2.99, 3.0, 7.99, 8.0, 9.99, 10.0])
    assert found["under 1 km"] == [1, 0, 0, 0, 0, 0, 0, 0, 0, 0]
    assert found["1 to 3 km"] == [0, 1, 1, 1, 1, 0, 0, 0, 0, 0]
    assert found["3 to 8 km"] == [0, 0, 0, 0, 0, 1, 1, 0, 0, 0]
    assert found["8 km and more"] == [0, 0, 0, 0, 0, 0, 0, 1, 1, 1]
    assert found["under 1.5 km"] == [1, 1, 1, 0, 0, 0, 0, 0, 0, 0]
    assert found["10 km and more"] == [0, 0, 0, 0, 0, 0, 0, 0, 0, 1]


def test_night_is_from_eleven_to_five_and_rush_from_seven_to_ten_and_from_four_to_seven() -> None:
    assert of("minute_of_day", [0, 299.9, 300, 1379.9, 1380, 1439])["night"] == [1, 1, 0, 0, 1, 1]
    rush = of("minute_of_day", [419.9, 420, 599.9, 600, 959.9, 960, 1139.9, 1140])["rush"]
    assert rush == [0, 1, 1, 0, 0, 1, 1, 0]


def test_rush_is_on_weekdays_and_a_holiday_is_none() -> None:
    days = of("weekday", [0, 4, 5, 6], ("minute_of_day", 480))
    assert days["rush"] == days["weekday"] == [1, 1, 0, 0]
    assert days["weekend"] == [0, 0, 1, 1]
    holidays = of("is_holiday", [0, 1])
    assert (holidays["weekday"], holidays["holiday"]) == ([1, 0], [0, 1])


def test_a_city_has_nine_regions_that_hold_their_edges_and_what_is_beyond() -> None:
    names = [
        ["south-west", "south", "south-east"],
        ["west", "centre", "east"],
        ["north-west", "north", "north-east"],
    ]
    rows, columns = (
        [(-0.1, 0.0, 0.99), (1.0, 1.99), (2.0, 3.0, 3.1)],
        [(9.9, 10, 11.9), (12, 13.9), (14, 16, 17)],
    )
    for row, lats_deg in enumerate(rows):
        for column, lons_deg in enumerate(columns):
            trips = [
                {"pickup_lat_deg": lat_deg, "pickup_lon_deg": lon_deg}
                for lat_deg in lats_deg
                for lon_deg in lons_deg
            ]
            found = {name: each for name, each in members(trips).items() if name.startswith("pickup")}
            assert len(found) == 9
            assert found.pop(f"pickup {names[row][column]}") == [1] * len(trips)
            assert {value for each in found.values() for value in each} == {0}


def zone(number: int, borough: str) -> Zone:
    return Zone(id=ZoneId(number), name="", borough=borough, centroid=Point(1, 11))


def test_a_trip_from_a_known_zone_is_in_its_borough_and_any_other_in_its_region() -> None:
    known = [zone(9, "Uptown"), zone(4, "Harbour"), zone(5, "Uptown"), zone(132, "Airport")]
    table = ZoneTable({each.id: each for each in known})
    numbers = [4.0, 5.0, 9.0, 132.0, math.nan, 1.0, 3.0, 6.0, 8.0, 133.0]
    found = members([{"pickup_zone": number} for number in numbers], zones=table)
    assert found["pickup in Harbour"] == [1, 0, 0, 0, 0, 0, 0, 0, 0, 0]
    assert found["pickup in Uptown"] == [0, 1, 1, 0, 0, 0, 0, 0, 0, 0]
    assert found["pickup in Airport"] == [0, 0, 0, 1, 0, 0, 0, 0, 0, 0]
    assert found["pickup centre"] == [0, 0, 0, 0, 1, 1, 1, 1, 1, 1]
    assert [name for name in found if name.startswith("pickup in")] == [
        "pickup in Airport",
        "pickup in Harbour",
        "pickup in Uptown",
    ]


def test_a_trip_from_or_to_any_terminal_is_an_airport_trip() -> None:
    one, other = Point(0.5, 11.0), Point(2.5, 15.0)
    near = Point(0.5, 11.02)
    radius_km = great_circle_km(SCALAR, one.lat_deg, one.lon_deg, near.lat_deg, near.lon_deg)
    airports = (
        Airport(name="one", point=one, radius_km=radius_km * (1 + 1e-9)),
        Airport(name="other", point=other, radius_km=1.0),
    )
    city = City(name="square", time_zone="UTC", bounds=SQUARE.bounds, airports=airports)

    def end(which: str, point: Point) -> dict[str, float]:
        return {f"{which}_lat_deg": point.lat_deg, f"{which}_lon_deg": point.lon_deg}

    beyond = Point(0.5, 11.0201)
    trips = [
        {},
        *(end(which, point) for which in ("pickup", "dropoff") for point in (one, near, beyond, other)),
    ]
    assert members(trips, city=city)["airport"] == [0, 1, 1, 0, 1, 1, 1, 0, 1]
    assert "airport" not in members(trips)


@pytest.mark.parametrize("zones", [None, ZoneTable()])
def test_without_zones_there_are_no_boroughs(zones: ZoneTable | None) -> None:
    found = members([{"pickup_zone": 4.0}], zones=zones)
    assert not [name for name in found if name.startswith("pickup in")]
    assert found["pickup centre"] == [1]


def test_every_slice_has_its_place_in_the_one_order() -> None:
    airport = Airport(name="one", point=Point(0.5, 11.0), radius_km=1.0)
    city = City(name="square", time_zone="UTC", bounds=SQUARE.bounds, airports=(airport,))
    zones = ZoneTable({each.id: each for each in (zone(4, "Uptown"), zone(5, "Harbour"))})
    boroughs = ["pickup in Harbour", "pickup in Uptown"]
    before, after = ORDER[: ORDER.index(BOROUGH)], ORDER[ORDER.index(BOROUGH) + 1 :]
    assert sorted(members([{}], city=city, zones=zones), key=slice_order) == [*before, *boroughs, *after]
    kilometres = [name for name in ORDER if "km" in name]
    assert sorted(kilometres, key=lambda name: float(re.findall(r"[\d.]+", name)[-1])) == kilometres
    assert slice_order("night") < slice_order("a slice of tomorrow") < slice_order("one of the day after")
