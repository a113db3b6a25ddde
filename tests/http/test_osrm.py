"""OSRM's table and route: what they answer, and their errors."""

import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from urllib.parse import quote

import pytest

from osrm import AT, A, B, C, Client, coordinates, ok, predicted, refused
from taxi_predictor.adapters.http.osrm.polylines import decoded, encoded
from taxi_predictor.domain.access import Caller, Scope
from taxi_predictor.domain.errors import TooManyRequests
from taxi_predictor.domain.model import ModelArtifact, ModelVersion
from taxi_predictor.domain.place import Point
from taxi_predictor.ports.outbound.shelf import ModelShelf, ServedModel

Serve = Callable[..., AbstractContextManager[Client]]
OUTSIDE = Point(10.0, 20.0)


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


def test_each_process_describes_the_same_in_the_same_order(client: Client) -> None:
    """Litestar keeps the paths of a handler, and what is in a path, in sets."""
    paths = client.get("/schema/openapi.json").json()["paths"]
    ours = [path for path in paths if path.startswith("/osrm")]
    assert ours == [
        f"/osrm{at}/{service}/v1/{{profile}}/{{coordinates}}"
        for service in ("table", "route")
        for at in ("/at/{time}", "")
    ]
    for path in ours:
        described = [each["name"] for each in paths[path]["get"]["parameters"] if each["in"] == "path"]
        assert described == re.findall(r"{(\w+)}", path)
