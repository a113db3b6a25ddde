"""Where one can be in so many minutes, over HTTP."""

import json
from typing import Any

import pytest
import shapely

from advice import MIDTOWN, MODEL, REACHABLE, Client, Serve, answer_of
from problems import problem_of
from taxi_predictor.domain.place import Point, Zone, ZoneId, ZoneTable

# --- reachable ---


def assert_geojson(answer: dict[str, Any]) -> None:
    """As RFC 7946 has it: closed rings, exteriors counter-clockwise, longitude first."""
    assert answer["type"] == "FeatureCollection"
    for feature in answer["features"]:
        assert feature["type"] == "Feature"
        assert feature["geometry"]["type"] == "MultiPolygon"
        assert shapely.from_geojson(json.dumps(feature)).geom_type == "MultiPolygon"
        for exterior, *holes in feature["geometry"]["coordinates"]:
            assert exterior[0] == exterior[-1]
            assert shapely.LinearRing(exterior).is_ccw
            assert not any(shapely.LinearRing(hole).is_ccw for hole in holes)
            for lon_deg, lat_deg in exterior:
                assert -75 < lon_deg < -73
                assert 40 < lat_deg < 41


def test_what_is_in_reach_is_a_map_of_growing_areas(client: Client) -> None:
    asked = {"from": MIDTOWN, "pickup_at": "2024-03-01T08:30:00", "within_s": [1200, 600], "cell_km": 1}
    response = client.post(REACHABLE, json=asked)
    assert response.headers["Content-Type"] == "application/geo+json"
    assert float(response.headers["Server-Timing"].rpartition("dur=")[2]) > 0
    answer = answer_of(response)
    assert_geojson(answer)
    assert answer["model"] == MODEL
    small, large = (feature["properties"] for feature in answer["features"])
    assert (small["within_s"], large["within_s"]) == (600, 1200)
    # 3.3 km and 6.7 km as the crow flies.
    assert small["area_km2"] == pytest.approx(3.14 * 3.33**2, rel=0.15)
    assert large["area_km2"] == pytest.approx(3.14 * 6.67**2, rel=0.1)
    assert small["cells"] == pytest.approx(small["area_km2"], rel=0.01)


def test_zones_in_reach_are_drawn_by_their_outlines(serve: Serve) -> None:
    with_hole = {
        "type": "Polygon",
        "coordinates": [
            [[-73.99, 40.74], [-73.99, 40.76], [-73.97, 40.76], [-73.97, 40.74], [-73.99, 40.74]],
            [[-73.985, 40.745], [-73.975, 40.745], [-73.975, 40.755], [-73.985, 40.745]],
        ],
    }
    outlined = Zone(
        id=ZoneId(161),
        name="Midtown Center",
        borough="Manhattan",
        centroid=Point(40.75, -73.98),
        outline=json.dumps(with_hole),
    )
    with serve(zones=ZoneTable({outlined.id: outlined})) as client:
        answer = answer_of(
            client.post(REACHABLE, json={"from": {"zone": 161}, "within_s": [60], "by": "zone"})
        )
    assert_geojson(answer)
    [feature] = answer["features"]
    assert feature["properties"]["zones"] == [161]
    assert "cells" not in feature["properties"]
    assert len(feature["geometry"]["coordinates"][0]) == 2


def test_zones_without_outlines_are_refused_with_what_to_do(client: Client) -> None:
    asked = {"from": MIDTOWN, "within_s": [600], "by": "zone"}
    problem = problem_of(client.post(REACHABLE, json=asked), 422)
    assert problem["type"] == "/problems/no-outlines"
    assert problem["errors"][0]["pointer"] == "#/by"
    assert "shapefile" in problem["detail"]


@pytest.mark.parametrize(
    ("wrong", "pointer"),
    [
        ({"within_s": []}, "#/within_s"),
        ({"within_s": [0]}, "#/within_s/0"),
        ({"within_s": [60] * 13}, "#/within_s"),
        ({"by": "street"}, "#/by"),
        ({"cell_km": 0.01}, "#/cell_km"),
        ({"probability": 0}, "#/probability"),
        ({"from": {"zone": 7}}, "#/from/zone"),
        ({"from": {"lat": 0, "lon": 0}}, "#/from"),
        ({"pickup_at": "1999-12-31T08:00:00Z"}, "#/pickup_at"),
    ],
)
def test_a_wrong_field_of_a_map_is_pointed_at(client: Client, wrong: dict[str, Any], pointer: str) -> None:
    asked = {"from": MIDTOWN, "within_s": [600]} | wrong
    problem = problem_of(client.post(REACHABLE, json=asked), 422)
    assert problem["errors"][0]["pointer"] == pointer


def test_a_map_of_too_many_cells_is_too_much(client: Client) -> None:
    asked = {"from": MIDTOWN, "within_s": [3600], "cell_km": 0.1}
    assert "at most 10,000" in problem_of(client.post(REACHABLE, json=asked), 413)["detail"]
