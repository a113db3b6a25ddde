"""Arrivals, departures, the nearest vehicle and what is in reach, as HTTP shows them."""

import json
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import pytest
import shapely
from litestar import Litestar
from litestar.testing import TestClient

from taxi_predictor.adapters.memory.constant_speed import ConstantSpeedLoader
from taxi_predictor.adapters.memory.models import MemoryModelShelf
from taxi_predictor.adapters.memory.telemetry import Predicted, RecordingTelemetry
from taxi_predictor.domain.model import MANIFEST_FILE, ModelArtifact, ModelVersion
from taxi_predictor.domain.place import Point, Zone, ZoneId, ZoneTable
from taxi_predictor.ports.outbound.shelf import ModelShelf
from taxi_predictor.ports.testing.samples import an_artifact

Client = TestClient[Litestar]
Serve = Callable[..., AbstractContextManager[Client]]

ARRIVALS, DEPARTURES, NEAREST, REACHABLE = (
    f"/v1/{name}" for name in ("arrivals", "departures", "nearest", "reachable")
)
MIDTOWN = {"lat": 40.75, "lon": -73.98}
BRONX = {"lat": 40.78, "lon": -73.935}
TRIP = {"pickup": MIDTOWN, "dropoff": BRONX}
MODEL = {
    "city": "A City",
    "version": 3,
    "trained_until": "2023-02-10T00:00:00-05:00",
    "simulated": False,
}


def answer_of(response: Any) -> dict[str, Any]:
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


def problem_of(response: Any, status: int) -> Mapping[str, Any]:
    assert response.status_code == status, response.text
    assert response.headers["Content-Type"] == "application/problem+json"
    problem: Mapping[str, Any] = response.json()
    return problem


@pytest.fixture
def duration_s(client: Client, body: dict[str, Any]) -> float:
    """What /v1/predictions says of the trip."""
    answer: float = client.post("/v1/predictions", json=body).json()["duration_s"]
    return answer


# --- arrivals ---


def test_a_departure_is_answered_by_a_chance(client: Client, duration_s: float) -> None:
    times = {"pickup_at": "2024-03-01T08:30:00-05:00", "arrive_by": "2024-03-01T09:00:00-05:00"}
    answer = answer_of(client.post(ARRIVALS, json=TRIP | times))
    assert answer.keys() == {"arrive_by", "chance", "distance_km", "model", "source", "degraded"}
    assert answer["model"] == MODEL
    chance = answer["chance"]
    assert chance["duration_s"] == duration_s
    assert 0.5 < chance["probability"] < 1  # 15 of 30 minutes
    assert chance["bound"] == "exactly"
    assert datetime.fromisoformat(chance["arrival_at"]) < datetime.fromisoformat(answer["arrive_by"])


def test_without_a_departure_the_latest_is_answered_with_nine_in_ten(
    client: Client, duration_s: float
) -> None:
    answer = answer_of(client.post(ARRIVALS, json=TRIP | {"arrive_by": "2024-03-01T09:00:00"}))
    assert answer.keys() == {"arrive_by", "latest_departure", "distance_km", "model", "source", "degraded"}
    latest = answer["latest_departure"]
    assert (latest["probability"], latest["reason"]) == (0.9, None)
    assert latest["duration_s"] == duration_s
    assert latest["pickup_at"].endswith("-05:00")
    then = {"arrive_by": answer["arrive_by"], "pickup_at": latest["pickup_at"]}
    chance = answer_of(client.post(ARRIVALS, json=TRIP | then))["chance"]
    assert 0.9 <= chance["probability"] < 0.901


def test_both_are_answered_where_both_are_asked_for(client: Client) -> None:
    both = {
        "pickup_at": "2024-03-01T08:30:00",
        "arrive_by": "2024-03-01T14:00:00Z",
        "probability": 0.5,
    }
    answer = answer_of(client.post(ARRIVALS, json=TRIP | both))
    assert {"chance", "latest_departure"} < answer.keys()
    assert answer["latest_departure"]["probability"] == 0.5
    assert answer["latest_departure"]["arrival_at"] <= "2024-03-01T09:00:00-05:00"


def test_what_is_too_late_six_hours_before_has_no_latest_departure_but_a_reason(
    serve: Serve, slow_shelf: ModelShelf
) -> None:
    with serve(shelf=slow_shelf) as client:
        asked = {"arrive_by": "2024-03-01T09:00:00", "probability": 0.99}
        trip = {"pickup": {"zone": 132}, "dropoff": {"zone": 161}}
        latest = answer_of(client.post(ARRIVALS, json=trip | asked))["latest_departure"]
    assert latest["pickup_at"] is latest["duration_s"] is latest["arrival_at"] is None
    assert "even 6 hours before" in latest["reason"]


@pytest.mark.parametrize("minutes", [0, -5])
def test_who_wants_to_arrive_before_leaving_has_no_chance(client: Client, minutes: int) -> None:
    at = datetime(2024, 3, 1, 12, tzinfo=UTC)
    times = {
        "pickup_at": at.isoformat(),
        "arrive_by": (at + timedelta(minutes=minutes)).isoformat(),
    }
    assert answer_of(client.post(ARRIVALS, json=TRIP | times))["chance"]["probability"] == 0


@pytest.mark.parametrize(
    ("wrong", "pointer"),
    [
        ({}, "#/arrive_by"),
        ({"arrive_by": "2024-03-10T02:30:00"}, "#/arrive_by"),
        ({"arrive_by": "2024-03-01T09:00:00", "pickup_at": "2024-11-03T01:30:00"}, "#/pickup_at"),
        ({"arrive_by": "2024-03-01T09:00:00", "probability": 1}, "#/probability"),
        ({"arrive_by": "2024-03-01T09:00:00", "dropoff": {"zone": 7}}, "#/dropoff/zone"),
        ({"arrive_by": "2024-03-01T09:00:00", "dropoff": {"lat": 0, "lon": 0}}, "#/dropoff"),
        ({"arrive_by": "2100-03-01T09:00:00"}, "#/arrive_by"),
        ({"arrive_by": "2000-01-01T02:00:00Z"}, "#/arrive_by"),
    ],
)
def test_a_wrong_field_of_an_arrival_is_pointed_at(
    client: Client, wrong: dict[str, Any], pointer: str
) -> None:
    problem = problem_of(client.post(ARRIVALS, json=TRIP | wrong), 422)
    assert problem["errors"][0]["pointer"] == pointer


@pytest.mark.parametrize("arrive_by", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59-05:00"])
def test_an_absurd_arrival_is_refused(client: Client, arrive_by: str) -> None:
    problem = problem_of(client.post(ARRIVALS, json=TRIP | {"arrive_by": arrive_by}), 422)
    assert problem["type"] == "/problems/invalid-trip"
    assert "between the years" in problem["detail"]


def test_who_asks_when_to_leave_is_asked_for_no_chance(serve: Serve) -> None:
    told = RecordingTelemetry()
    with serve(telemetry=told) as client:
        answer_of(client.post(ARRIVALS, json=TRIP | {"arrive_by": "2024-03-01T09:00:00"}))
    predicted = [call.trips for call in told.calls if isinstance(call, Predicted)]
    assert len(predicted) == 2  # looks of minutes, then of seconds
    assert min(predicted) > 100


class Promoting(RecordingTelemetry):
    """Lets another model serve once somebody was answered."""

    def __init__(self) -> None:
        super().__init__()
        self.promote: Callable[[], object] = lambda: None

    def predicted(self, **told: Any) -> None:
        super().predicted(**told)
        self.promote()


def test_all_of_an_answer_is_of_one_model_whoever_is_promoted_meanwhile(serve: Serve) -> None:
    told = Promoting()
    asked = {"pickup_at": "2024-03-01T08:30", "arrive_by": "2024-03-01T09:00", "probability": 0.5}
    shelf = MemoryModelShelf(ConstantSpeedLoader())
    _place(shelf, 3, speed_km_h=20.0)
    with serve(shelf=shelf, telemetry=told) as client:
        alone = answer_of(client.post(ARRIVALS, json=TRIP | asked))

        def promote() -> None:
            _place(shelf, 4, speed_km_h=60.0)
            client.app.state.hexagon.ladder.refresh()

        told.promote = promote
        assert answer_of(client.post(ARRIVALS, json=TRIP | asked)) == alone
        assert answer_of(client.post(ARRIVALS, json=TRIP | asked))["model"]["version"] == 4


def _place(shelf: ModelShelf, version: int, *, speed_km_h: float) -> None:
    with TemporaryDirectory() as name:
        folder, params = Path(name), {"speed_km_h": speed_km_h, "sigma": 0.3}
        manifest = replace(an_artifact(folder).manifest, engine="constant-speed", params=params)
        (folder / MANIFEST_FILE).write_bytes(msgspec.json.encode(manifest))
        shelf.place(ModelVersion(version), ModelArtifact(folder, manifest))


# --- departures ---


@pytest.mark.parametrize(("date", "hours"), [("2024-03-10", 23), ("2024-03-01", 24), ("2024-11-03", 25)])
def test_a_day_is_answered_whole_in_a_query_as_in_a_body(client: Client, date: str, hours: int) -> None:
    query = {"pickup": "40.75,-73.98", "dropoff": "40.78,-73.935", "date": date, "every_min": 30}
    asked = answer_of(client.get(DEPARTURES, params=query))
    assert asked == answer_of(client.post(DEPARTURES, json=TRIP | {"date": date, "every_min": 30}))
    departures = asked["departures"]
    assert len(departures) == 2 * hours
    assert all(one["pickup_at"].startswith(date) for one in departures)
    assert asked["fastest"] == departures[0]  # at a constant speed the first of all
    assert asked["model"] == MODEL


def test_a_departure_of_the_board_is_the_prediction_for_it(client: Client, body: dict[str, Any]) -> None:
    prediction = client.post("/v1/predictions", json=body | {"coverage": 0.5}).json()
    asked = {"from": "2024-03-01T08:00:00", "to": "2024-03-01T13:30:00Z", "coverage": 0.5}
    answer = answer_of(client.post(DEPARTURES, json=TRIP | asked))
    assert [one["pickup_at"] for one in answer["departures"]] == [
        f"2024-03-01T08:{minute:02}:00-05:00" for minute in (0, 15, 30)
    ]
    last = answer["departures"][-1]
    assert last["duration_s"] == prediction["duration_s"]
    assert (last["lower_s"], last["upper_s"]) == (
        prediction["interval"]["lower_s"],
        prediction["interval"]["upper_s"],
    )
    assert last["arrival_at"] == prediction["arrival_at"]


def test_without_any_time_it_is_today(client: Client) -> None:
    answer = answer_of(client.get(DEPARTURES, params={"pickup": "161", "dropoff": "132"}))
    today = client.app.state.hexagon.predictor.now().date().isoformat()
    assert len(answer["departures"]) == 96
    assert answer["departures"][0]["pickup_at"] == f"{today}T00:00:00-05:00"


@pytest.mark.parametrize(
    ("wrong", "slug", "words"),
    [
        ({"pickup": "nowhere"}, "invalid-request", "LAT,LON"),
        ({"pickup": "40.75"}, "invalid-request", "LAT,LON"),
        ({"pickup": "nan,0"}, "invalid-request", "LAT,LON"),
        ({"dropoff": "91,0"}, "invalid-request", "<= 90"),
        ({"dropoff": "0,0"}, "invalid-trip", "outside the bounds"),
        ({"dropoff": "7"}, "unknown-zone", "zone 7"),
        ({"every_min": "0"}, "invalid-request", ">= 1"),
        ({"every_min": "1.5"}, "invalid-request", "got `str`"),
        ({"coverage": "nan"}, "invalid-request", ">= 0.01"),
        ({"passenger_count": "10"}, "invalid-request", "<= 9"),
        ({"date": "2024-02-30"}, "invalid-request", "such as 2024-03-01"),
        ({"date": "1709299800"}, "invalid-request", "such as 2024-03-01"),
        ({"date": "2099-12-31"}, "invalid-trip", "date 2099-12-31 is not wholly between the years"),
        ({"from": "1709299800", "to": "1709299900"}, "invalid-request", "a time such as"),
        ({"from": "2024-03-10T02:30:00", "to": "2024-03-10T05:00:00"}, "skipped-hour", "never was"),
        ({"to": "2024-03-10T02:30", "from": "2024-03-10T05:00"}, "skipped-hour", "never was"),
        ({"to": "2024-03-10T05:00", "from": "2024-03-10T06:00"}, "invalid-trip", "do not begin"),
        ({"colour": "yellow"}, "invalid-request", "only pickup, dropoff, from, to, date, every_min"),
    ],
)
def test_a_wrong_parameter_is_named(client: Client, wrong: dict[str, str], slug: str, words: str) -> None:
    query = {"pickup": "40.75,-73.98", "dropoff": "40.78,-73.935"}
    problem = problem_of(client.get(DEPARTURES, params=query | wrong), 422)
    [error] = problem["errors"]
    assert error.keys() == {"parameter", "message"}
    assert error["parameter"] == next(iter(wrong))
    assert problem["type"] == f"/problems/{slug}"
    for text in (problem["detail"], error["message"]):
        assert words in text
        assert "http" not in text


@pytest.mark.parametrize("missing", ["pickup", "dropoff"])
def test_a_missing_parameter_is_named(client: Client, missing: str) -> None:
    query = {"pickup": "40.75,-73.98", "dropoff": "40.78,-73.935"}
    del query[missing]
    problem = problem_of(client.get(DEPARTURES, params=query), 422)
    detail = f"the parameter {missing} is missing"
    assert (problem["type"], problem["detail"]) == ("/problems/invalid-request", detail)
    assert problem["errors"] == [{"parameter": missing, "message": detail}]


def test_a_plus_in_a_query_stands_for_itself_as_in_osrms_face(client: Client) -> None:
    times = "from=2024-03-01T14:30+01:00&to=2024-03-01+08:45&every_min=15"
    answer = answer_of(client.get(f"{DEPARTURES}?pickup=40.75,-73.98&dropoff=40.78,-73.935&{times}"))
    assert [one["pickup_at"] for one in answer["departures"]] == [
        "2024-03-01T08:30:00-05:00",
        "2024-03-01T08:45:00-05:00",
    ]


@pytest.mark.parametrize(
    "times",
    [
        {"from": "2024-03-01T08:00:00"},
        {"to": "2024-03-01T08:00:00"},
        {"date": "2024-03-01", "from": "2024-03-01T08:00:00", "to": "2024-03-01T09:00:00"},
    ],
)
def test_half_a_time_and_two_times_are_refused(client: Client, times: dict[str, str]) -> None:
    problem = problem_of(client.post(DEPARTURES, json=TRIP | times), 422)
    assert "both from and to, or by date alone" in problem["detail"]


def test_who_asks_what_is_allowed_is_told_both(client: Client) -> None:
    assert client.options(DEPARTURES).headers["Allow"] == "GET, HEAD, OPTIONS, POST"


@pytest.mark.parametrize(("to", "every_min"), [("2024-03-03T08:00:01", 60), ("2024-03-02T08:00:00", 1)])
def test_too_many_departures_are_too_much(serve: Serve, to: str, every_min: int) -> None:
    times = {"from": "2024-03-01T08:00:00", "to": to, "every_min": every_min}
    with serve(max_items=500) as client:
        assert problem_of(client.post(DEPARTURES, json=TRIP | times), 413)["type"] == "/problems/too-much"


# --- nearest ---


def test_the_nearest_are_ranked_as_trips_take(client: Client) -> None:
    asked = {
        "rider": MIDTOWN,
        "vehicles": [
            {"id": "far", "place": {"zone": 132}},
            {"id": "ocean", "place": {"lat": 0, "lon": 0}},
            {"id": "near", "place": BRONX},
        ],
        "pickup_at": "2024-03-01T08:30:00",
        "k": 2,
    }
    answer = answer_of(client.post(NEAREST, json=asked))
    assert [one["id"] for one in answer["nearest"]] == ["near", "far"]
    assert answer["unreachable"] == ["ocean"]
    assert answer["model"] == MODEL
    trip = {"pickup": BRONX, "dropoff": MIDTOWN, "pickup_at": asked["pickup_at"]}
    prediction = client.post("/v1/predictions", json=trip).json()
    near, far = answer["nearest"]
    for name in ("duration_s", "distance_km", "arrival_at"):
        assert near[name] == prediction[name]
    assert near["probability_first"] > 0.95
    assert near["probability_first"] + far["probability_first"] == pytest.approx(1, abs=1e-5)


def test_one_is_answered_unless_more_are_asked_for(client: Client) -> None:
    vehicles = [{"id": str(number), "place": BRONX} for number in range(4)]
    [first] = answer_of(client.post(NEAREST, json={"rider": MIDTOWN, "vehicles": vehicles}))["nearest"]
    assert first["id"] == "0"
    assert first["probability_first"] == 0.25


@pytest.mark.parametrize(
    ("wrong", "pointer", "reason"),
    [
        ({"vehicles": []}, "#/vehicles", "length >= 1"),
        ({"k": 0}, "#/k", ">= 1"),
        ({"vehicles": [{"id": "", "place": BRONX}]}, "#/vehicles/0/id", "length >= 1"),
        ({"vehicles": [{"id": "a", "place": {"zone": 7}}]}, "#/vehicles/0/place/zone", "zone 7"),
        ({"vehicles": [{"id": "a", "place": BRONX}] * 2}, "#", "same id"),
        ({"rider": {"zone": 7}}, "#/rider/zone", "zone 7"),
        ({"rider": {"lat": 0, "lon": 0}}, "#/rider", "rider 0.0, 0.0 is outside"),
        ({"pickup_at": "1999-12-31T08:00:00Z"}, "#/pickup_at", "pickup_at 1999"),
    ],
)
def test_a_wrong_field_of_a_fleet_is_pointed_at(
    client: Client, wrong: dict[str, Any], pointer: str, reason: str
) -> None:
    asked = {"rider": MIDTOWN, "vehicles": [{"id": "a", "place": BRONX}]} | wrong
    [error] = problem_of(client.post(NEAREST, json=asked), 422)["errors"]
    assert error["pointer"] == pointer
    assert reason in error["message"]


def test_a_fleet_that_is_too_large_is_too_much(serve: Serve) -> None:
    vehicles = [{"id": str(number), "place": BRONX} for number in range(101)]
    with serve(max_items=100) as client:
        problem_of(client.post(NEAREST, json={"rider": MIDTOWN, "vehicles": vehicles}), 413)


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


# --- all of them ---


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        (ARRIVALS, TRIP | {"arrive_by": "2024-03-01T09:00:00"}),
        (DEPARTURES, TRIP),
        (NEAREST, {"rider": MIDTOWN, "vehicles": [{"id": "a", "place": BRONX}]}),
        (REACHABLE, {"from": MIDTOWN, "within_s": [600]}),
    ],
)
def test_without_a_champion_none_is_answered(
    serve: Serve, empty_shelf: ModelShelf, path: str, asked: dict[str, Any]
) -> None:
    with serve(shelf=empty_shelf) as client:
        response = client.post(path, json=asked)
    problem_of(response, 503)
