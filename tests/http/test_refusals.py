"""What is no prediction: a body that is wrong, no model, a crash; each in a problem document."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from litestar import Litestar
from litestar.testing import TestClient

from problems import problem_of
from taxi_predictor.domain.errors import InvalidTrip, PromotionRefused, TaxiPredictorError, UnknownModel
from taxi_predictor.domain.model import ModelArtifact, ModelVersion
from taxi_predictor.ports.outbound.shelf import ModelShelf, ServedModel

Serve = Callable[..., AbstractContextManager[TestClient[Litestar]]]
PREDICTIONS = "/v1/predictions"

JSON = {"Content-Type": "application/json"}


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
