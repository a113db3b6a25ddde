"""What OSRM's clients send is understood, or refused in OSRM's words: places, departures, options, URLs."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from urllib.parse import quote, unquote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from osrm import AT, A, B, Client, coordinates, ok, predicted, refused
from taxi_predictor.adapters.http.osrm.departures import departure_of
from taxi_predictor.adapters.http.osrm.options import DEPART_AT, Given
from taxi_predictor.adapters.http.osrm.polylines import decoded, encoded
from taxi_predictor.domain.place import Point
from taxi_predictor.ports.testing.strategies import points

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
