"""OSRM's table and route: what its clients send is understood, and answered in its words."""

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, unquote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from litestar import Litestar
from litestar.testing import TestClient

from taxi_predictor.adapters.http.osrm.departures import departure_of
from taxi_predictor.adapters.http.osrm.options import DEPART_AT, Given
from taxi_predictor.adapters.http.osrm.polylines import decoded, encoded
from taxi_predictor.domain.access import Caller, Scope
from taxi_predictor.domain.errors import TooManyRequests
from taxi_predictor.domain.model import ModelArtifact, ModelVersion
from taxi_predictor.domain.place import Place, Point
from taxi_predictor.domain.trip import TripPlan
from taxi_predictor.ports.inbound.answers.predicting import DurationPredictor
from taxi_predictor.ports.outbound.shelf import ModelShelf, ServedModel
from taxi_predictor.ports.testing.strategies import points

Client = TestClient[Litestar]
Serve = Callable[..., AbstractContextManager[Client]]

A, B, C = Point(40.75, -73.98), Point(40.78, -73.935), Point(40.7, -74.0)
OUTSIDE = Point(10.0, 20.0)
AT = "2024-03-01T08:30:00-05:00"


def coordinates(*places: Point) -> str:
    return ";".join(f"{place.lon_deg:f},{place.lat_deg:f}" for place in places)


def ok(client: Client, path: str) -> Mapping[str, Any]:
    response = client.get(f"/osrm/{path}")
    assert response.status_code == 200, response.text
    assert response.headers["Content-Type"] == "application/json"
    assert int(response.headers["Content-Length"]) == len(response.content)
    answer: Mapping[str, Any] = response.json()
    assert answer["code"] == "Ok"
    return answer


def refused(client: Client, path: str, code: str, status: int = 400) -> str:
    response = client.get(f"/osrm{path}")
    assert response.status_code == status, response.text
    answer = response.json()
    assert answer.keys() == {"code", "message"}
    assert answer["code"] == code
    assert len(answer["message"]) < 200
    message: str = answer["message"]
    return message


def predicted(client: Client, pickup: Point, dropoff: Point, at: str = AT) -> float:
    predictor: DurationPredictor = client.app.state.hexagon.predictor
    plan = TripPlan(pickup=Place(pickup), dropoff=Place(dropoff), pickup_at=datetime.fromisoformat(at))
    return predictor.predict([plan])[0].duration_s


# --- table ---


def test_a_table_has_the_durations_of_predictions_and_great_circles_in_metres(client: Client) -> None:
    path = f"table/v1/driving/{coordinates(A, B, C)}?annotations=duration,distance&depart_at={AT}"
    answer = ok(client, path)
    for i, origin in enumerate((A, B, C)):
        for j, destination in enumerate((A, B, C)):
            expected_s = 0.0 if i == j else predicted(client, origin, destination)
            assert answer["durations"][i][j] == pytest.approx(expected_s, abs=0.0015)
    assert answer["distances"][0][1] == pytest.approx(5050, abs=50)
    assert answer["distances"][0][1] % 1 == 0
    assert answer["sources"] == answer["destinations"]
    assert answer["sources"][1] == {"location": [B.lon_deg, B.lat_deg], "name": "", "distance": 0.0}
    assert answer["data_version"] == "3"


@pytest.mark.parametrize(
    ("annotations", "keys"),
    [
        ("", {"durations"}),
        ("?annotations=duration", {"durations"}),
        ("?annotations=distance", {"distances"}),
        ("?annotations=distance,duration", {"durations", "distances"}),
    ],
)
def test_a_table_says_what_is_asked(client: Client, annotations: str, keys: set[str]) -> None:
    answer = ok(client, f"table/v1/driving/{coordinates(A, B)}{annotations}")
    assert answer.keys() - {"code", "sources", "destinations", "data_version"} == keys


def test_sources_and_destinations_choose_rows_and_columns_in_their_order(client: Client) -> None:
    place = f"table/v1/driving/{coordinates(A, B, C)}"
    whole = ok(client, f"{place}?depart_at={AT}")
    chosen = ok(client, f"{place}?sources=2;0&destinations=1;2;1&depart_at={AT}")
    assert chosen["durations"] == [[whole["durations"][i][j] for j in (1, 2, 1)] for i in (2, 0)]
    assert [source["location"] for source in chosen["sources"]] == [
        [C.lon_deg, C.lat_deg],
        [A.lon_deg, A.lat_deg],
    ]
    assert len(chosen["destinations"]) == 3
    assert ok(client, f"{place}?sources=all&destinations=all&depart_at={AT}") == whole


def test_a_cell_outside_the_city_is_null_and_the_others_stand(client: Client) -> None:
    path = f"table/v1/driving/{coordinates(A, OUTSIDE, B)}?annotations=duration,distance"
    answer = ok(client, path)
    for name in ("durations", "distances"):
        assert [[cell is None for cell in row] for row in answer[name]] == [
            [False, True, False],
            [True, True, True],
            [False, True, False],
        ]
    assert "fallback_speed_cells" not in answer


def test_a_fallback_speed_in_metres_per_second_fills_what_is_outside_the_city(client: Client) -> None:
    path = f"table/v1/driving/{coordinates(A, OUTSIDE, B)}?annotations=duration,distance&depart_at={AT}"
    plain = ok(client, path)
    filled = ok(client, f"{path}&fallback_speed=12.5&fallback_coordinate=input")
    assert filled["fallback_speed_cells"] == [[0, 1], [1, 0], [1, 1], [1, 2], [2, 1]]
    assert filled["durations"][0][1] == pytest.approx(filled["distances"][0][1] / 12.5, abs=0.05)
    assert filled["distances"][0][1] == filled["distances"][1][0] > 8_000_000
    assert filled["durations"][1][1] == 0
    assert filled["durations"][0][2] == plain["durations"][0][2]
    assert ok(client, f"{path}&fallback_speed=12.5&sources=0&destinations=2")["fallback_speed_cells"] == []


def test_a_scale_factor_scales_durations_and_not_distances(client: Client) -> None:
    path = (
        f"table/v1/driving/{coordinates(A, OUTSIDE, B)}"
        f"?annotations=duration,distance&depart_at={AT}&fallback_speed=10"
    )
    plain, scaled = ok(client, path), ok(client, f"{path}&scale_factor=1.5")
    assert ok(client, f"{path}&scale_factor=15e-1") == scaled
    assert scaled["distances"] == plain["distances"]
    for i in range(3):
        for j in range(3):
            assert scaled["durations"][i][j] == pytest.approx(plain["durations"][i][j] * 1.5, abs=0.002)


def test_a_scale_beyond_all_numbers_ends_at_the_greatest_of_osrm(client: Client) -> None:
    factor = "9" * 300
    answer = ok(client, f"table/v1/driving/{coordinates(A, OUTSIDE, B)}?scale_factor={factor}")
    assert answer["durations"][0] == [0.0, None, 214748364.6]


def test_a_place_twice_is_no_drive(client: Client) -> None:
    assert ok(client, f"table/v1/driving/{coordinates(A, A)}")["durations"] == [[0.0, 0.0], [0.0, 0.0]]


def test_too_many_cells_are_too_big(client: Client) -> None:
    many = encoded([Point(40.7 + i / 10_000, -73.98) for i in range(101)], digits=5)
    url = f"/table/v1/driving/polyline({quote(many)})"
    assert "10,201 cells" in refused(client, url, "TooBig")
    assert len(ok(client, f"{url[1:]}?sources=0")["durations"][0]) == 101


# --- route ---


def test_each_leg_of_a_route_departs_when_the_leg_before_has_arrived(client: Client) -> None:
    answer = ok(client, f"route/v1/driving/{coordinates(A, B, C)}?depart_at={AT}")
    [route] = answer["routes"]
    first, second = route["legs"]
    assert first["duration"] == predicted(client, A, B)
    assert route["duration"] == pytest.approx(first["duration"] + second["duration"])
    assert route["distance"] == first["distance"] + second["distance"]
    assert route["weight_name"] == "duration"
    assert (route["weight"], first["weight"]) == (route["duration"], first["duration"])
    assert first["steps"] == []
    assert first["summary"] == ""
    assert [waypoint["location"] for waypoint in answer["waypoints"]] == [
        [place.lon_deg, place.lat_deg] for place in (A, B, C)
    ]


def test_what_vroom_asks_of_a_route_is_answered(client: Client) -> None:
    asked = "alternatives=false&steps=false&overview=full&continue_straight=false&radiuses=35000;35000"
    [route] = ok(client, f"route/v1/car/{coordinates(A, B)}?{asked}")["routes"]
    line = decoded(route["geometry"], digits=5)
    assert line == [(A.lat_deg, A.lon_deg), (B.lat_deg, B.lon_deg)]


@pytest.mark.parametrize("overview", ["full", "simplified"])
def test_the_geometry_is_written_as_asked(client: Client, overview: str) -> None:
    path = f"route/v1/driving/{coordinates(A, B)}?overview={overview}"
    fine = ok(client, f"{path}&geometries=polyline6")["routes"][0]["geometry"]
    assert decoded(fine, digits=6) == [(A.lat_deg, A.lon_deg), (B.lat_deg, B.lon_deg)]
    assert ok(client, f"{path}&geometries=geojson")["routes"][0]["geometry"] == {
        "type": "LineString",
        "coordinates": [[A.lon_deg, A.lat_deg], [B.lon_deg, B.lat_deg]],
    }


def test_without_an_overview_there_is_no_geometry(client: Client) -> None:
    assert "geometry" not in ok(client, f"route/v1/driving/{coordinates(A, B)}?overview=false")["routes"][0]


def test_annotations_say_what_is_known_of_the_one_segment_of_a_leg(client: Client) -> None:
    path = f"route/v1/driving/{coordinates(A, B, B)}?depart_at={AT}"
    first, second = ok(client, f"{path}&annotations=true")["routes"][0]["legs"]
    assert first["annotation"] == {
        "duration": [first["duration"]],
        "distance": [first["distance"]],
        "weight": [first["weight"]],
        "speed": [pytest.approx(20 / 3.6, abs=0.1)],
    }
    assert second["annotation"]["duration"] == second["annotation"]["speed"] == [0.0]
    some = ok(client, f"{path}&annotations=speed,distance")["routes"][0]["legs"][0]["annotation"]
    assert some.keys() == {"speed", "distance"}
    assert "annotation" not in ok(client, f"{path}&annotations=false")["routes"][0]["legs"][0]


def test_a_route_that_goes_nowhere_takes_no_time(client: Client) -> None:
    [route] = ok(client, f"route/v1/driving/{coordinates(A, A)}")["routes"]
    assert (route["duration"], route["distance"]) == (0.0, 0.0)


def test_a_route_out_of_the_city_has_no_segment_there(client: Client) -> None:
    message = refused(client, f"/route/v1/driving/{coordinates(A, B, OUTSIDE)}", "NoSegment")
    assert message == "Could not find a matching segment for coordinate 2"  # VROOM reads the number


def test_a_route_of_too_many_places_is_too_big(client: Client) -> None:
    many = quote(encoded([A, B] * 251, digits=5))
    refused(client, f"/route/v1/driving/polyline({many})", "TooBig")


# --- coordinates ---


@pytest.mark.parametrize(
    "text",
    [
        "-73.98,40.75;-73.935,40.78.json",
        "-73.980,40.750;-073.935,40.78",
        quote(f"polyline({encoded([A, B], digits=5)})"),
        quote(f"polyline({encoded([A, B], digits=5)}).json"),
        quote(f"polyline6({encoded([A, B], digits=6)})"),
    ],
)
def test_places_are_read_in_each_form(client: Client, text: str) -> None:
    answer = ok(client, f"table/v1/driving/{text}")
    assert [source["location"] for source in answer["sources"]] == [[-73.98, 40.75], [-73.935, 40.78]]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("1", "InvalidQuery"),
        ("x,y", "InvalidQuery"),
        ("1,1,1", "InvalidQuery"),
        ("1,1;", "InvalidQuery"),
        ("1,1;1,1,1", "InvalidQuery"),
        ("1,1;nan,1", "InvalidQuery"),
        ("1,1;1e1,1", "InvalidQuery"),
        ("1,1;1,1.xml", "InvalidQuery"),
        ("1,1;1,%D9%A1", "InvalidQuery"),  # a digit, but not one of ours
        ("polyline()", "InvalidQuery"),
        ("polyline(%20)", "InvalidQuery"),
        ("polyline(_)", "InvalidQuery"),
        ("polyline(A)", "InvalidQuery"),
        ("polyline(________)", "InvalidQuery"),
        ("1,1", "InvalidOptions"),
        ("polyline(AA)", "InvalidOptions"),
        ("200,5.191564;44,5", "InvalidValue"),
        ("1,1;1,90.5", "InvalidValue"),
        (f"1,1;1,{'9' * 400}", "InvalidValue"),
        ("polyline(AA~~~~~@A)", "InvalidValue"),
    ],
)
def test_wrong_coordinates_have_osrms_codes(client: Client, text: str, code: str) -> None:
    for service in ("table", "route"):
        refused(client, f"/{service}/v1/driving/{text}", code)


def test_the_example_of_the_format_is_understood() -> None:
    """https://developers.google.com/maps/documentation/utilities/polylinealgorithm"""
    line = [(38.5, -120.2), (40.7, -120.95), (43.252, -126.453)]
    assert decoded("_p~iF~ps|U_ulLnnqC_mqNvxq`@", digits=5) == line
    assert encoded([Point(*pair) for pair in line], digits=5) == "_p~iF~ps|U_ulLnnqC_mqNvxq`@"


@given(
    line=st.lists(st.builds(Point, st.floats(-90, 90), st.floats(-180, 180))), digits=st.sampled_from([5, 6])
)
def test_a_polyline_is_read_as_it_was_written(line: Sequence[Point], digits: int) -> None:
    for (lat_deg, lon_deg), point in zip(
        decoded(encoded(line, digits=digits), digits=digits), line, strict=True
    ):
        assert lat_deg == pytest.approx(point.lat_deg, abs=0.51 * 10**-digits)
        assert lon_deg == pytest.approx(point.lon_deg, abs=0.51 * 10**-digits)


# --- departures ---


EIGHT_IN_NEW_YORK = datetime(2026, 11, 23, 13, tzinfo=UTC)


@pytest.mark.parametrize(
    "time",
    [
        "2026-11-23T08:00",
        "2026-11-23T08:00:00",
        "20261123T0800",
        "20261123T080000",
        "2026-11-23T13:00Z",
        "20261123T1300Z",
        "2026-11-23T14:00+01:00",
        "20261123T0800-0500",
        "2026-11-23%2008:00:00.000",
        "1795438800",
    ],
)
def test_a_departure_is_read_in_each_form(client: Client, time: str) -> None:
    predictor = client.app.state.hexagon.predictor
    given = Given.in_query(f"depart_at={time}".encode(), [DEPART_AT])[DEPART_AT]
    assert departure_of(predictor, in_path=unquote(time), in_query=None) == EIGHT_IN_NEW_YORK
    assert departure_of(predictor, in_path=None, in_query=given) == EIGHT_IN_NEW_YORK
    ok(client, f"at/{time}/table/v1/car/{coordinates(A, B)}?depart_at=1795438800")


def test_without_a_departure_trips_leave_now(client: Client) -> None:
    predictor = client.app.state.hexagon.predictor
    assert departure_of(predictor, in_path=None, in_query=None) == predictor.now()
    ok(client, f"table/v1/car/{coordinates(A, B)}")


def test_the_path_and_the_query_may_name_one_departure_and_not_two(client: Client) -> None:
    path = f"at/20261123T0800/route/v1/car/{coordinates(A, B)}"
    ok(client, f"{path}?depart_at=1795438800")
    refused(client, f"/{path}?depart_at=1795438801", "InvalidOptions")


@pytest.mark.parametrize(
    ("time", "code_in_path", "code_in_query"),
    [
        ("now", "InvalidUrl", "InvalidQuery"),
        ("2026-11-23", "InvalidUrl", "InvalidQuery"),
        ("2026-W48-1T08:00", "InvalidUrl", "InvalidQuery"),
        ("2026-11-23_08:00", "InvalidUrl", "InvalidQuery"),
        ("-1", "InvalidUrl", "InvalidQuery"),
        ("2026-02-30T08:00", "InvalidValue", "InvalidValue"),
        ("2026-11-23T25:00", "InvalidValue", "InvalidValue"),
        ("2026-03-08T02:30", "InvalidValue", "InvalidValue"),  # skipped
        ("2026-11-01T01:30", "InvalidValue", "InvalidValue"),  # twice
        ("20261123", "InvalidValue", "InvalidValue"),  # seconds: in 1970
        ("99999999999", "InvalidValue", "InvalidValue"),
        ("0001-01-01T00:00", "InvalidValue", "InvalidValue"),
        ("9999-12-31T23:59-23:59", "InvalidValue", "InvalidValue"),
    ],
)
def test_a_departure_at_no_time_is_refused(
    client: Client, time: str, code_in_path: str, code_in_query: str
) -> None:
    for service in ("table", "route"):
        refused(client, f"/at/{time}/{service}/v1/car/{coordinates(A, B)}", code_in_path)
        refused(client, f"/{service}/v1/car/{coordinates(A, B)}?depart_at={time}", code_in_query)


# --- options ---


@pytest.mark.parametrize("service", ["table", "route"])
@pytest.mark.parametrize(
    "query",
    [
        "radiuses=35000;unlimited",
        "radiuses=;10.5",
        "bearings=0,180;360,0",
        "bearings=;",
        "hints=;abc-_=",
        "approaches=curb;unrestricted",
        "approaches=;opposite",
        "generate_hints=false",
        "snapping=any",
        "skip_waypoints=false&generate_hints=true&snapping=default",
    ],
)
def test_options_about_roads_are_taken_and_change_nothing(client: Client, service: str, query: str) -> None:
    path = f"{service}/v1/driving/{coordinates(A, B)}?depart_at={AT}"
    assert ok(client, f"{path}&{query}") == ok(client, path)


def test_waypoints_can_be_left_out(client: Client) -> None:
    table = ok(client, f"table/v1/driving/{coordinates(A, B)}?skip_waypoints=true")
    assert table.keys() == {"code", "durations", "data_version"}
    route = ok(client, f"route/v1/driving/{coordinates(A, B)}?skip_waypoints=true")
    assert route.keys() == {"code", "routes", "data_version"}


@pytest.mark.parametrize(
    "query", ["alternatives=3", "alternatives=true", "steps=true", "continue_straight=default"]
)
def test_a_route_has_no_alternatives_and_no_steps(client: Client, query: str) -> None:
    [route] = ok(client, f"route/v1/driving/{coordinates(A, B)}?{query}")["routes"]
    assert route["legs"][0]["steps"] == []


WRONG_OPTIONS = [
    ("colour=red", "InvalidQuery"),
    ("skip_waypoints=maybe", "InvalidQuery"),
    ("skip_waypoints", "InvalidQuery"),
    ("=", "InvalidQuery"),
    ("snapping=any&", "InvalidQuery"),
    ("&snapping=any", "InvalidQuery"),
    ("snapping=any&&snapping=any", "InvalidQuery"),
    ("radiuses=-1;1", "InvalidQuery"),
    ("radiuses=1e3;1", "InvalidQuery"),
    ("bearings=1;1", "InvalidQuery"),
    ("hints=a+b;", "InvalidQuery"),
    ("approaches=left;left", "InvalidQuery"),
    ("radiuses=1", "InvalidOptions"),
    ("radiuses=1;1;1", "InvalidOptions"),
    ("bearings=1,1", "InvalidOptions"),
    ("hints=;;", "InvalidOptions"),
    ("approaches=curb;curb;curb", "InvalidOptions"),
    ("bearings=361,1;1,1", "InvalidOptions"),
    ("bearings=1,1;1,181", "InvalidOptions"),
    ("exclude=motorway", "InvalidValue"),
]
WRONG_TABLE_OPTIONS = [
    ("annotations=weight", "InvalidQuery"),
    ("annotations=", "InvalidQuery"),
    ("sources=", "InvalidQuery"),
    ("sources=-1", "InvalidQuery"),
    ("sources=0,1", "InvalidQuery"),
    ("sources=0;all", "InvalidQuery"),
    (f"destinations={'9' * 5000}", "InvalidQuery"),
    ("scale_factor=x", "InvalidQuery"),
    ("scale_factor=inf", "InvalidQuery"),
    ("scale_factor=1e", "InvalidQuery"),
    ("scale_factor=1e309", "InvalidOptions"),
    ("fallback_coordinate=none", "InvalidQuery"),
    ("steps=true", "InvalidQuery"),
    ("sources=2", "InvalidOptions"),
    ("destinations=0;7", "InvalidOptions"),
    ("scale_factor=0", "InvalidOptions"),
    ("scale_factor=-0.5", "InvalidOptions"),
    (f"scale_factor={'9' * 400}", "InvalidOptions"),
    ("fallback_speed=0", "InvalidOptions"),
]
WRONG_ROUTE_OPTIONS = [
    ("geometries=wkt", "InvalidQuery"),
    ("overview=true", "InvalidQuery"),
    ("alternatives=-1", "InvalidQuery"),
    ("steps=1", "InvalidQuery"),
    ("continue_straight=no", "InvalidQuery"),
    ("annotations=true,false", "InvalidQuery"),
    ("sources=0", "InvalidQuery"),
    ("annotations=duration,nodes", "NotImplemented"),
]


@pytest.mark.parametrize(
    ("service", "query", "code"),
    [
        *((service, *wrong) for service in ("table", "route") for wrong in WRONG_OPTIONS),
        *(("table", *wrong) for wrong in WRONG_TABLE_OPTIONS),
        *(("route", *wrong) for wrong in WRONG_ROUTE_OPTIONS),
    ],
)
def test_a_wrong_option_has_osrms_code(client: Client, service: str, query: str, code: str) -> None:
    refused(client, f"/{service}/v1/driving/{coordinates(A, B)}?{query}", code)


# --- URLs ---


@pytest.mark.parametrize("start", ["", "/at/20261123T0800"])
@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("", "InvalidUrl"),
        ("/", "InvalidUrl"),
        ("/nonsense", "InvalidUrl"),
        ("/table", "InvalidUrl"),
        ("/table/v1", "InvalidUrl"),
        ("/route/v1/driving", "InvalidUrl"),
        ("/route/v1/driving/", "InvalidUrl"),
        ("/route/1/driving/1,1;1,2", "InvalidUrl"),
        ("/table/v1/driving/1,1;1,2/3", "InvalidUrl"),
        ("/nonsense/v1/driving/1,1;1,2", "InvalidService"),
        ("/nonsense/v2/driving/1,1;1,2", "InvalidService"),
        ("/table/v2/driving/1,1;1,2", "InvalidVersion"),
        ("/route/v0/driving/1,1;1,2", "InvalidVersion"),
        ("/trip/v1/driving/1,1;1,2", "NotImplemented"),
        ("/match/v1/driving/1,1;1,2", "NotImplemented"),
        ("/nearest/v1/driving/1,1", "NotImplemented"),
        ("/tile/v1/car/tile(1310,3166,13).mvt", "NotImplemented"),
    ],
)
def test_a_url_that_no_service_answers_has_osrms_code(
    client: Client, operator: Mapping[str, str], start: str, url: str, code: str
) -> None:
    refused(client, start + url, code)
    below_a_key = client.get(f"/k/{operator['X-Api-Key']}/osrm{start}{url}")
    assert (below_a_key.status_code, below_a_key.json()["code"]) == (400, code)


@pytest.mark.parametrize("start", ["", "at/20261123T0800/"])
@pytest.mark.parametrize("service", ["table", "route"])
def test_each_service_is_answered_below_a_key_too(
    client: Client, operator: Mapping[str, str], start: str, service: str
) -> None:
    path = f"{start}{service}/v1/driving/{coordinates(A, B)}"
    below_a_key = client.get(f"/k/{operator['X-Api-Key']}/osrm/{path}")
    assert below_a_key.json() == ok(client, path)
    unknown = client.get(f"/k/secret/osrm/{path}")
    assert (unknown.status_code, unknown.json()["code"]) == (401, "Unauthorized")


def test_below_a_key_nothing_is_described(client: Client) -> None:
    assert not [path for path in client.get("/schema/openapi.json").json()["paths"] if path.startswith("/k")]


# --- errors of the service ---


def test_without_a_model_the_service_is_unavailable_in_osrms_form(
    serve: Serve, empty_shelf: ModelShelf
) -> None:
    with serve(shelf=empty_shelf) as client:
        for service in ("table", "route"):
            path = f"/{service}/v1/driving/{coordinates(A, B)}"
            assert refused(client, path, "ServiceUnavailable", status=503)
            assert int(client.get(f"/osrm{path}").headers["Retry-After"]) > 0


class BrokenShelf(ModelShelf):
    def place(self, version: ModelVersion, artifact: ModelArtifact, /) -> None:
        raise NotImplementedError

    def champion(self) -> ServedModel:
        raise RuntimeError("password=hunter2")

    former = spare = champion

    def check(self) -> None:
        self.champion()


def test_a_crash_says_nothing_of_its_cause(serve: Serve) -> None:
    with serve(shelf=BrokenShelf()) as client:
        for service in ("table", "route"):
            path = f"/{service}/v1/driving/{coordinates(A, B)}"
            assert "logged under" in refused(client, path, "InternalServerError", status=500)


class Keys:
    """Knows one key."""

    def admit(self, key: str | None, scope: Scope, /) -> Caller:
        if key != "k-dispatch":
            raise TooManyRequests("without a key that is once a day", retry_after_s=3600)
        return Caller(name="dispatch", scopes=frozenset({scope}))


@pytest.mark.parametrize(
    "path", [f"table/v1/car/{coordinates(A, B)}", f"route/v1/car/{coordinates(A, B)}", "x"]
)
def test_who_is_refused_at_the_gate_is_told_in_osrms_form_and_a_key_in_the_path_lets_in(
    serve: Serve, path: str
) -> None:
    with serve() as client:
        client.app.state.hexagon = replace(client.app.state.hexagon, gatekeeper=Keys())
        assert refused(client, f"/{path}", "TooManyRequests", status=429)
        assert client.get(f"/osrm/{path}").headers["Retry-After"] == "3600"
        assert client.get(f"/k/other/osrm/{path}").status_code == 429
        assert client.get(f"/k/k-dispatch/osrm/{path}").json()["code"] == (
            "InvalidUrl" if path == "x" else "Ok"
        )
        by_header = client.get(f"/osrm/{path}", headers={"X-Api-Key": "k-dispatch"})
        assert by_header.status_code != 429


def test_every_refusal_is_described_with_an_example(client: Client) -> None:
    document = client.get("/schema/openapi.json").json()
    operations = [item["get"] for path, item in document["paths"].items() if path.startswith("/osrm")]
    assert len(operations) == 4
    for operation in operations:
        for status, response in operation["responses"].items():
            [(media_type, media)] = response["content"].items()
            assert media_type == "application/json"
            if status != "200":
                [example] = media["examples"].values()
                assert example["value"].keys() == {"code", "message"}


# --- whatever is sent ---

FRAGMENTS = st.sampled_from(
    [
        coordinates(A, B),
        "polyline(",
        "polyline6(",
        ")",
        ";",
        ",",
        ".json",
        "1",
        "-73.98,40.75",
        "/",
        "at",
        "v1",
        "table",
    ]
)
TEXT = st.lists(FRAGMENTS | st.text(max_size=8), max_size=6).map("".join)
NAMES = [
    "depart_at", "sources", "destinations", "annotations", "scale_factor", "fallback_speed", "radiuses",
    "bearings", "hints", "approaches", "exclude", "geometries", "overview", "alternatives",
]  # fmt: skip
QUERY = st.lists(
    st.tuples(st.sampled_from(NAMES), st.text("0123456789;,.-TZ:+all%&=\x00é", max_size=12)), max_size=3
).map(lambda pairs: "&".join(f"{name}={value}" for name, value in pairs))


@settings(deadline=None, max_examples=200)
@given(service=st.sampled_from(["table", "route"]), text=TEXT, query=TEXT | QUERY)
def test_any_text_is_answered_or_refused(client: Client, service: str, text: str, query: str) -> None:
    url = f"/osrm/{service}/v1/car/{quote(text, safe=';,/()')}?{quote(query, safe=';,=&+:')}"
    response = client.get(url)
    assert response.status_code in (200, 400), response.text
    assert (json.loads(response.content)["code"] == "Ok") == (response.status_code == 200)


@settings(deadline=None, max_examples=100)
@given(service=st.sampled_from(["table", "route"]), query=QUERY)
def test_any_option_is_answered_or_refused(client: Client, service: str, query: str) -> None:
    response = client.get(f"/osrm/{service}/v1/car/{coordinates(A, B)}?{quote(query, safe=';,=&+:')}")
    assert response.status_code in (200, 400), response.text


@settings(deadline=None, max_examples=50)
@given(places=st.lists(points(), min_size=2, max_size=4), text=st.sampled_from(["pairs", "polyline6"]))
def test_any_places_in_the_city_are_answered_as_everywhere(
    client: Client, places: Sequence[Point], text: str
) -> None:
    rounded = [Point(round(place.lat_deg, 6), round(place.lon_deg, 6)) for place in places]
    where = coordinates(*rounded) if text == "pairs" else quote(f"polyline6({encoded(rounded, digits=6)})")
    answer = ok(client, f"table/v1/car/{where}?depart_at={AT}")
    for i, origin in enumerate(rounded):
        for j, destination in enumerate(rounded):
            expected_s = 0.0 if origin == destination else predicted(client, origin, destination)
            assert answer["durations"][i][j] == pytest.approx(expected_s, abs=0.0015)
