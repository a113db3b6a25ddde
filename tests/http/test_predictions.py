"""POST /v1/predictions: what is answered, and how every wrong question is refused."""

import json
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from litestar import Litestar
from litestar.testing import TestClient

from taxi_predictor.adapters.http.bodies import PredictionAnswer
from taxi_predictor.domain.errors import InvalidTrip, PromotionRefused, TaxiPredictorError, UnknownModel
from taxi_predictor.domain.model import ModelArtifact, ModelVersion
from taxi_predictor.domain.place import Place, Point
from taxi_predictor.domain.trip import TripPlan
from taxi_predictor.ports.inbound.answers.predicting import DurationPredictor
from taxi_predictor.ports.outbound.shelf import ModelShelf, ServedModel
from taxi_predictor.ports.testing.strategies import plans

Serve = Callable[..., AbstractContextManager[TestClient[Litestar]]]
PREDICTIONS = "/v1/predictions"
JSON = {"Content-Type": "application/json"}


def problem_of(response: Any, status: int) -> Mapping[str, Any]:
    assert response.status_code == status, response.text
    assert response.headers["Content-Type"] == "application/problem+json"
    problem: Mapping[str, Any] = response.json()
    assert problem["status"] == status
    assert {"type", "title", "detail"} <= problem.keys()
    return problem


def nameless(answer: dict[str, Any]) -> dict[str, Any]:
    """An answer but for its id, of which every answer has its own."""
    assert UUID(answer["prediction_id"]).version == 7
    return {key: value for key, value in answer.items() if key != "prediction_id"}


def test_a_trip_between_points_is_answered(client: TestClient[Litestar], body: dict[str, Any]) -> None:
    response = client.post(PREDICTIONS, json=body)
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "application/json"
    answer = response.json()
    assert answer["distance_km"] == pytest.approx(5.05, abs=0.05)
    assert answer["duration_s"] == pytest.approx(answer["distance_km"] / 20 * 3600, abs=0.2)
    assert answer["interval"]["coverage"] == 0.8
    assert answer["interval"]["lower_s"] < answer["duration_s"] < answer["interval"]["upper_s"]
    assert answer["pickup_at"] == body["pickup_at"]
    assert answer["arrival_at"].endswith("-05:00")
    travelled = datetime.fromisoformat(answer["arrival_at"]) - datetime.fromisoformat(body["pickup_at"])
    assert travelled.total_seconds() == pytest.approx(answer["duration_s"], abs=1e-6)
    assert answer["source"] == "champion"
    assert answer["model"] == {
        "city": "A City",
        "version": 3,
        "trained_until": "2023-02-10T00:00:00-05:00",
        "simulated": False,
    }


def test_a_trip_between_zones_is_a_trip_between_their_centroids(
    client: TestClient[Litestar], body: dict[str, Any]
) -> None:
    by_zones = client.post(PREDICTIONS, json=body | {"pickup": {"zone": 132}, "dropoff": {"zone": 161}})
    by_points = client.post(
        PREDICTIONS,
        json=body
        | {"pickup": {"lat": 40.6469, "lon": -73.7865}, "dropoff": {"lat": 40.758, "lon": -73.9777}},
    )
    assert by_zones.status_code == 200
    assert nameless(by_zones.json()) == nameless(by_points.json())


def test_a_point_and_a_zone_go_together(client: TestClient[Litestar], body: dict[str, Any]) -> None:
    assert client.post(PREDICTIONS, json=body | {"dropoff": {"zone": 161}}).status_code == 200


def test_a_wider_coverage_gives_a_wider_interval_around_the_same_duration(
    client: TestClient[Litestar], body: dict[str, Any]
) -> None:
    narrow, wide = (
        client.post(PREDICTIONS, json=body | {"coverage": coverage}).json() for coverage in (0.5, 0.95)
    )
    assert narrow["duration_s"] == wide["duration_s"]
    assert wide["interval"]["lower_s"] < narrow["interval"]["lower_s"]
    assert narrow["interval"]["upper_s"] < wide["interval"]["upper_s"]


def test_a_model_that_learned_from_simulated_trips_is_labelled(
    serve: Serve, simulated_shelf: ModelShelf, body: dict[str, Any]
) -> None:
    with serve(shelf=simulated_shelf) as client:
        assert client.post(PREDICTIONS, json=body).json()["model"]["simulated"] is True


@settings(deadline=None, max_examples=50)
@given(plan=plans(), offset_min=st.integers(-14 * 60, 14 * 60), passengers=st.none() | st.integers(0, 9))
def test_every_possible_trip_is_answered_the_same_at_any_offset(
    client: TestClient[Litestar], plan: TripPlan, offset_min: int, passengers: int | None
) -> None:
    there = {
        end: {"lat": place.point.lat_deg, "lon": place.point.lon_deg}
        for end, place in (("pickup", plan.pickup), ("dropoff", plan.dropoff))
    } | {"passenger_count": passengers}
    local = plan.pickup_at.astimezone(timezone(timedelta(minutes=offset_min)))
    in_utc, at_offset = (
        client.post(PREDICTIONS, json=there | {"pickup_at": at.isoformat()}) for at in (plan.pickup_at, local)
    )
    assert in_utc.status_code == at_offset.status_code == 200
    first, second = in_utc.json(), at_offset.json()
    assert first["duration_s"] == second["duration_s"]
    assert first["interval"] == second["interval"]
    for key in ("pickup_at", "arrival_at"):
        assert datetime.fromisoformat(first[key]) == datetime.fromisoformat(second[key])
        assert datetime.fromisoformat(second[key]).utcoffset() == local.utcoffset()


def test_the_answer_can_be_built_without_a_server(client: TestClient[Litestar], body: dict[str, Any]) -> None:
    hexagon = client.app.state.hexagon
    predictor: DurationPredictor = hexagon.predictor
    plan = TripPlan(
        pickup=Place(Point(40.75, -73.98)),
        dropoff=Place(Point(40.78, -73.935)),
        pickup_at=datetime.fromisoformat(body["pickup_at"]),
    )
    [prediction] = predictor.predict([plan])
    encoded = msgspec.json.encode(PredictionAnswer.of(prediction, coverage=0.8, logged=True))
    assert json.loads(encoded) == nameless(client.post(PREDICTIONS, json=body).json())


WRONG_FIELDS = [
    # what is put into the body, where it is wrong, a word of the reason
    ({"pickup": {"lat": 90.5, "lon": -73.98}}, "#/pickup/lat", "<= 90"),
    ({"dropoff": {"lat": 40.75, "lon": -181}}, "#/dropoff/lon", ">= -180"),
    ({"pickup": {"lat": "40.75", "lon": -73.98}}, "#/pickup/lat", "got `str`"),
    ({"pickup": {"lat": True, "lon": -73.98}}, "#/pickup/lat", "got `bool`"),
    ({"pickup": {"lat": None, "lon": -73.98}}, "#/pickup/lat", "got `null`"),
    ({"pickup": {}}, "#/pickup", "either {lat, lon} or {zone}"),
    ({"pickup": {"lat": 40.75}}, "#/pickup", "either {lat, lon} or {zone}"),
    ({"dropoff": {"lat": 40.75, "lon": -73.98, "zone": 132}}, "#/dropoff", "either {lat, lon} or {zone}"),
    ({"dropoff": {"lat": 40.75, "zone": 132}}, "#/dropoff", "either {lat, lon} or {zone}"),
    ({"pickup": [40.75, -73.98]}, "#/pickup", "got `array`"),
    ({"pickup": {"zone": 1.5}}, "#/pickup/zone", "got `float`"),
    ({"pickup": {"zone": -1}}, "#/pickup/zone", ">= 0"),
    ({"pickup": {"latitude": 40.75}}, "#/pickup/latitude", "unknown field"),
    ({"trip_distance": 3.2}, "#/trip_distance", "unknown field"),
    ({"a/b~ü": 1}, "#/a~1b~0%C3%BC", "unknown field"),
    ({"pickup_at": "yesterday"}, "#/pickup_at", "a time such as"),
    ({"pickup_at": "2024-02-30T08:30:00Z"}, "#/pickup_at", "no such time"),
    ({"pickup_at": None}, "#/pickup_at", "got `null`"),
    ({"pickup_at": 1709299800}, "#/pickup_at", "got `int`"),
    ({"passenger_count": -1}, "#/passenger_count", ">= 0"),
    ({"passenger_count": 10}, "#/passenger_count", "<= 9"),
    ({"passenger_count": 1.5}, "#/passenger_count", "got `float`"),
    ({"passenger_count": "2"}, "#/passenger_count", "got `str`"),
    ({"reference": "one\ntwo"}, "#/reference", "no control characters"),
    ({"coverage": 0}, "#/coverage", ">= 0.01"),
    ({"coverage": 1}, "#/coverage", "<= 0.99"),
    ({"coverage": None}, "#/coverage", "got `null`"),
]


@pytest.mark.parametrize(("wrong", "pointer", "reason"), WRONG_FIELDS)
def test_a_wrong_field_is_pointed_at(
    client: TestClient[Litestar], body: dict[str, Any], wrong: dict[str, Any], pointer: str, reason: str
) -> None:
    problem = problem_of(client.post(PREDICTIONS, json=body | wrong), 422)
    assert problem["type"] == "/problems/invalid-body"
    [error] = problem["errors"]
    assert error["pointer"] == pointer
    assert reason in error["message"]
    assert "regex" not in error["message"]


@pytest.mark.parametrize("missing", ["pickup", "dropoff"])
def test_a_missing_field_is_pointed_at(
    client: TestClient[Litestar], body: dict[str, Any], missing: str
) -> None:
    del body[missing]
    problem = problem_of(client.post(PREDICTIONS, json=body), 422)
    assert problem["errors"][0]["pointer"] == f"#/{missing}"


def test_a_number_beyond_all_floats_is_pointed_at(client: TestClient[Litestar]) -> None:
    content = b'{"pickup": {"lat": 1e999, "lon": 0}}'
    problem = problem_of(client.post(PREDICTIONS, content=content, headers=JSON), 422)
    assert problem["errors"][0]["pointer"] == "#/pickup/lat"


@pytest.mark.parametrize("content", [b"[]", b"5", b"null", b'"text"'])
def test_json_that_is_no_object_is_refused_as_a_whole(client: TestClient[Litestar], content: bytes) -> None:
    problem = problem_of(client.post(PREDICTIONS, content=content, headers=JSON), 422)
    assert problem["errors"][0]["pointer"] == "#"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"pickup=1",
        b'{"pickup": {"lat": NaN, "lon": 0}}',
        b'{"pickup": {"lat": -Infinity, "lon": 0}}',
        b'{"\xff": 1}',
        b"\xef\xbb\xbf{}",
        b"\x00",
    ],
)
def test_what_is_no_json_is_malformed(client: TestClient[Litestar], content: bytes) -> None:
    problem = problem_of(client.post(PREDICTIONS, content=content, headers=JSON), 400)
    assert problem["type"] == "/problems/malformed-body"


def test_what_follows_the_object_is_malformed(client: TestClient[Litestar], body: dict[str, Any]) -> None:
    content = msgspec.json.encode(body) + b"{}"
    problem_of(client.post(PREDICTIONS, content=content, headers=JSON), 400)


@settings(deadline=None, max_examples=200)
@given(
    st.binary(max_size=64)
    | st.recursive(
        st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["pickup", "dropoff", "pickup_at", "lat", "lon", "zone", "coverage"]), inner
            )
        ),
    ).map(msgspec.json.encode)
)
def test_no_body_breaks_the_service(client: TestClient[Litestar], content: bytes) -> None:
    response = client.post(PREDICTIONS, content=content, headers=JSON)
    assert response.status_code in (400, 422)
    problem_of(response, response.status_code)


def test_deep_nesting_is_refused(client: TestClient[Litestar]) -> None:
    content = b'{"pickup": ' + b"[" * 100_000
    problem_of(client.post(PREDICTIONS, content=content, headers=JSON), 422)


def test_a_message_does_not_repeat_a_huge_field_name(client: TestClient[Litestar]) -> None:
    problem = problem_of(client.post(PREDICTIONS, json={"x" * 100_000: 1}), 422)
    assert len(problem["detail"]) < 400
    assert len(problem["errors"][0]["pointer"]) < 400


@pytest.mark.parametrize(
    "wrong",
    [
        {"pickup": {"lat": 41.88, "lon": -87.63}},
        {"dropoff": {"lat": 0, "lon": 0}},
        {"pickup_at": "1999-12-31T12:00:00Z"},
        {"pickup_at": "2100-01-01T00:00:00Z"},
        {"pickup_at": "2099-12-31T23:59:59-05:00"},
        {"pickup_at": "0001-01-01T00:00:00+14:00"},
        {"pickup_at": "9999-12-31T23:59:59-12:00"},
    ],
)
def test_a_trip_that_no_model_can_know_is_refused_by_name(
    client: TestClient[Litestar], body: dict[str, Any], wrong: dict[str, Any]
) -> None:
    problem = problem_of(client.post(PREDICTIONS, json=body | wrong), 422)
    assert problem["type"] == "/problems/invalid-trip"
    [field] = wrong
    assert problem["detail"].startswith(f"{field} ")
    assert problem["errors"] == [{"pointer": f"#/{field}", "message": problem["detail"]}]
    assert ("by UTC" in problem["detail"]) == (field == "pickup_at")


@pytest.mark.parametrize("end", ["pickup", "dropoff"])
def test_an_unknown_zone_is_a_wrong_body_and_not_a_wrong_address(
    client: TestClient[Litestar], body: dict[str, Any], end: str
) -> None:
    problem = problem_of(client.post(PREDICTIONS, json=body | {end: {"zone": 999}}), 422)
    assert problem["type"] == "/problems/unknown-zone"
    assert problem["errors"] == [
        {"pointer": f"#/{end}/zone", "message": "zone 999 is not among the 2 known zones"}
    ]


def test_zones_are_refused_where_no_zone_table_is_known(serve: Serve, body: dict[str, Any]) -> None:
    with serve(zones=None) as client:
        problem = problem_of(client.post(PREDICTIONS, json=body | {"pickup": {"zone": 132}}), 422)
        assert problem["type"] == "/problems/no-zones"
        assert client.post(PREDICTIONS, json=body).status_code == 200


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_a_body_that_is_not_sent_as_json_is_refused(client: TestClient[Litestar], media_type: str) -> None:
    response = client.post(PREDICTIONS, content=b"{}", headers={"Content-Type": media_type})
    assert "application/json" in problem_of(response, 415)["detail"]


def test_json_may_be_sent_with_a_charset(client: TestClient[Litestar], body: dict[str, Any]) -> None:
    headers = {"Content-Type": "Application/JSON; charset=utf-8"}
    assert client.post(PREDICTIONS, content=msgspec.json.encode(body), headers=headers).status_code == 200


def test_a_body_over_the_limit_is_refused(serve: Serve, body: dict[str, Any]) -> None:
    with serve(max_body_bytes=1_000) as client:
        assert client.post(PREDICTIONS, json=body).status_code == 200
        problem_of(client.post(PREDICTIONS, content=b" " * 1_001, headers=JSON), 413)
        chunks = iter([b" " * 600, b" " * 600])
        problem_of(client.post(PREDICTIONS, content=chunks, headers=JSON), 413)


def test_a_body_may_by_default_have_a_mebibyte(client: TestClient[Litestar]) -> None:
    problem_of(client.post(PREDICTIONS, content=b" " * 1024**2, headers=JSON), 400)
    problem_of(client.post(PREDICTIONS, content=b" " * (1024**2 + 1), headers=JSON), 413)


def test_without_a_champion_the_client_is_told_to_come_back(
    serve: Serve, empty_shelf: ModelShelf, body: dict[str, Any]
) -> None:
    with serve(shelf=empty_shelf) as client:
        response = client.post(PREDICTIONS, json=body)
        assert problem_of(response, 503)["type"] == "/problems/no-champion"
        assert int(response.headers["Retry-After"]) > 0


class BrokenShelf(ModelShelf):
    """A shelf that answers with an error."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def place(self, version: ModelVersion, artifact: ModelArtifact, /) -> None:
        raise self._error

    def champion(self) -> ServedModel:
        raise self._error

    former = spare = champion

    def check(self) -> None:
        self.champion()


def test_a_crash_shows_nothing_and_is_logged_under_the_id_of_the_request(
    serve: Serve, body: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    crash = RuntimeError("password=hunter2")
    with serve(shelf=BrokenShelf(crash)) as client:
        response = client.post(PREDICTIONS, json=body, headers={"X-Request-Id": "trace-17"})
    problem = problem_of(response, 500)
    assert problem["type"] == "/problems/internal"
    assert "hunter2" not in response.text
    assert "RuntimeError" not in response.text
    assert "trace-17" in problem["detail"]
    [record] = [record for record in caplog.records if record.message == "request.crashed"]
    assert vars(record)["request_id"] == "trace-17"
    assert record.exc_info
    assert record.exc_info[1] is crash


class NeverSeen(PromotionRefused):
    """An error that no table names."""

    slug = "never-seen"


@pytest.mark.parametrize(
    ("error", "status", "slug"),
    [
        (InvalidTrip("no"), 422, "invalid-trip"),
        (UnknownModel("no"), 404, "unknown-model"),
        (NeverSeen("no"), 409, "never-seen"),
        (TaxiPredictorError("no"), 500, "internal"),
    ],
)
def test_an_error_has_the_status_of_its_nearest_known_class(
    serve: Serve, body: dict[str, Any], error: TaxiPredictorError, status: int, slug: str
) -> None:
    with serve(shelf=BrokenShelf(error)) as client:
        problem = problem_of(client.post(PREDICTIONS, json=body), status)
    assert problem["type"] == f"/problems/{slug}"
    assert problem["detail"] == "no"


def test_an_instant_is_one_instant_on_both_nights_the_clocks_change(
    client: TestClient[Litestar], body: dict[str, Any]
) -> None:
    for at in (datetime(2024, 3, 10, 7, tzinfo=UTC), datetime(2024, 11, 3, 6, tzinfo=UTC)):
        durations_s = set()
        for hours in (0, -4, -5):
            local = at.astimezone(timezone(timedelta(hours=hours)))
            answer = client.post(PREDICTIONS, json=body | {"pickup_at": local.isoformat()}).json()
            durations_s.add(answer["duration_s"])
        assert len(durations_s) == 1


def test_a_time_without_an_offset_is_local_to_the_city(
    client: TestClient[Litestar], body: dict[str, Any]
) -> None:
    local = client.post(PREDICTIONS, json=body | {"pickup_at": "2024-03-01T08:30:00"})
    assert nameless(local.json()) == nameless(client.post(PREDICTIONS, json=body).json())


@pytest.mark.parametrize(
    "at",
    [
        "2024-03-01T08:30",
        "2024-03-01T13:30Z",
        "2024-03-01t13:30:00.000z",
        "2024-03-01 08:30:00-05:00",
        "2024-03-01T08:30-0500",
        "20240301T0830",
    ],
)
def test_a_time_may_be_written_as_people_and_programs_do(
    client: TestClient[Litestar], body: dict[str, Any], at: str
) -> None:
    answer, expected = (
        client.post(PREDICTIONS, json=asked).json() for asked in (body | {"pickup_at": at}, body)
    )
    for key in ("pickup_at", "arrival_at"):
        assert datetime.fromisoformat(answer[key]) == datetime.fromisoformat(expected[key])


@pytest.mark.parametrize(
    ("at", "slug"), [("2024-03-10T02:30:00", "skipped-hour"), ("2024-11-03T01:30:00", "repeated-hour")]
)
def test_a_local_time_that_is_no_instant_or_two_is_refused(
    client: TestClient[Litestar], body: dict[str, Any], at: str, slug: str
) -> None:
    problem = problem_of(client.post(PREDICTIONS, json=body | {"pickup_at": at}), 422)
    assert problem["type"] == f"/problems/{slug}"
    assert problem["errors"][0]["pointer"] == "#/pickup_at"


def test_a_trip_that_names_no_departure_leaves_now(
    client: TestClient[Litestar], body: dict[str, Any]
) -> None:
    now = client.app.state.hexagon.predictor.now()
    del body["pickup_at"]
    answer = client.post(PREDICTIONS, json=body).json()
    assert datetime.fromisoformat(answer["pickup_at"]) == now
    assert answer["pickup_at"].endswith("-05:00")


def test_an_explanation_is_given_where_it_is_asked_for_and_adds_up(
    client: TestClient[Litestar], body: dict[str, Any]
) -> None:
    plain = client.post(PREDICTIONS, json=body).json()
    answer = client.post(PREDICTIONS, params={"explain": True}, json=body).json()
    explanation = answer.pop("explanation")
    assert nameless(answer) == nameless(plain)
    parts = explanation["parts"]
    assert {part["cause"] for part in parts} >= {"distance", "time of day", "live level"}
    total_s = explanation["usual_s"] + sum(part["seconds"] for part in parts)
    assert total_s == pytest.approx(answer["duration_s"], abs=1e-3)


def test_what_is_no_yes_or_no_explains_nothing(client: TestClient[Litestar], body: dict[str, Any]) -> None:
    problem = problem_of(client.post(PREDICTIONS, params={"explain": "perhaps"}, json=body), 422)
    assert problem["detail"] == "explain: Expected `bool`, got `str`"
    assert problem["errors"] == [{"parameter": "explain", "message": "Expected `bool`, got `str`"}]


def test_a_parameter_that_there_is_not_is_refused_as_an_unknown_field_is(
    client: TestClient[Litestar], body: dict[str, Any]
) -> None:
    problem = problem_of(client.post(PREDICTIONS, params={"explian": True}, json=body), 422)
    assert problem["type"] == "/problems/invalid-request"
    assert problem["detail"] == "there is no parameter 'explian', only explain"
    assert problem["errors"] == [{"parameter": "explian", "message": problem["detail"]}]
    huge = problem_of(client.post(PREDICTIONS, params={"x" * 5_000: 1}, json=body), 422)
    assert len(huge["detail"]) < 200


def test_the_time_that_the_model_took_is_told(client: TestClient[Litestar], body: dict[str, Any]) -> None:
    times = client.post(PREDICTIONS, json=body).headers["Server-Timing"]
    spent_ms = {name: float(ms) for name, _, ms in (one.partition(";dur=") for one in times.split(", "))}
    assert spent_ms.keys() == {"features", "model", "log"}
    assert 0 < spent_ms["model"] < 10_000


def test_every_prediction_has_an_id_of_its_own(client: TestClient[Litestar], body: dict[str, Any]) -> None:
    ids = {client.post(PREDICTIONS, json=body).json()["prediction_id"] for _ in range(20)}
    assert len(ids) == 20
