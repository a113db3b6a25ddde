"""MessagePack wherever /v1 takes or gives JSON: the same bodies, the same answers, the same strictness."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from litestar import Litestar
from litestar.testing import TestClient

from taxi_predictor.adapters.http.bodies import PredictionAnswer
from taxi_predictor.adapters.http.formats import Format, wanted
from taxi_predictor.ports.outbound.shelf import ModelShelf

Serve = Callable[..., AbstractContextManager[TestClient[Litestar]]]
MSGPACK = "application/vnd.msgpack"
NAMES = [MSGPACK, "application/msgpack", "application/x-msgpack"]
PREDICTIONS = "/v1/predictions"


@pytest.mark.parametrize("sent", NAMES)
@pytest.mark.parametrize("accepted", NAMES)
def test_messagepack_is_answered_as_json_is(
    client: TestClient[Litestar], body: dict[str, Any], sent: str, accepted: str
) -> None:
    packed = client.post(
        PREDICTIONS,
        content=msgspec.msgpack.encode(body),
        headers={"Content-Type": sent, "Accept": accepted},
    )
    assert packed.status_code == 200
    assert packed.headers["Content-Type"] == MSGPACK
    answer = msgspec.msgpack.decode(packed.content, type=PredictionAnswer)
    expected = msgspec.convert(client.post(PREDICTIONS, json=body).json(), PredictionAnswer)
    assert msgspec.structs.replace(answer, prediction_id=expected.prediction_id) == expected


def test_what_is_sent_does_not_decide_what_is_answered(
    client: TestClient[Litestar], body: dict[str, Any]
) -> None:
    packed, headers = msgspec.msgpack.encode(body), {"Content-Type": MSGPACK, "Accept": "*/*"}
    assert client.post(PREDICTIONS, content=packed, headers=headers).json()["duration_s"] > 0
    answer = client.post(PREDICTIONS, json=body, headers={"Accept": MSGPACK})
    assert msgspec.msgpack.decode(answer.content)["duration_s"] > 0


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        (None, Format.JSON),
        ("*/*", Format.JSON),
        ("application/*", Format.JSON),
        ("text/html, application/xml;q=0.9", Format.JSON),
        ("application/msgpackers", Format.JSON),
        ("application/msgpack", Format.MSGPACK),
        ("application/vnd.msgpack;q=0.1", Format.MSGPACK),
        ("Application/Msgpack ; Q=0.5", Format.MSGPACK),
        ("application/json, application/x-msgpack", Format.MSGPACK),
        ("application/json;q=0.9,application/msgpack,*/*;q=0.1", Format.MSGPACK),
        ("application/json, application/msgpack;q=0.9", Format.JSON),
        ("application/msgpack;q=0.1, */*", Format.JSON),
        ("application/msgpack;q=0.1, application/*;q=0.5", Format.JSON),
        ("application/msgpack;q=0.5, application/json;q=0.1, */*", Format.MSGPACK),
        ("application/msgpack, */*", Format.MSGPACK),
        ("application/msgpack;q=0", Format.JSON),
        ("application/msgpack;q=much", Format.JSON),
        ("application/msgpack;q=nan", Format.JSON),
        (";,;q=1,/,application/msgpack;;", Format.MSGPACK),
    ],
)
def test_json_is_answered_unless_messagepack_is_named_and_json_not_preferred(
    accept: str | None, form: Format
) -> None:
    headers = [(b"host", b"city"), *([(b"accept", accept.encode())] if accept is not None else [])]
    assert wanted({"headers": headers}) is form  # type: ignore[typeddict-item] # all it looks at


def test_what_is_accepted_may_stand_in_several_headers() -> None:
    headers = [(b"accept", b"application/msgpack;q=0.1"), (b"accept", b"application/json")]
    assert wanted({"headers": headers}) is Format.JSON  # type: ignore[typeddict-item] # all it looks at


def test_a_time_in_messagepack_is_an_instant(client: TestClient[Litestar], body: dict[str, Any]) -> None:
    body["pickup_at"] = datetime(2024, 3, 1, 13, 30, tzinfo=UTC)
    headers = {"Content-Type": MSGPACK, "Accept": MSGPACK}
    packed = client.post(PREDICTIONS, content=msgspec.msgpack.encode(body), headers=headers)
    assert msgspec.msgpack.decode(packed.content)["pickup_at"] == body["pickup_at"]


@pytest.mark.parametrize(
    ("changed", "pointer"),
    [
        ({"pickup": {"lat": "40.75", "lon": -73.98}}, "#/pickup/lat"),
        ({"pickup": {"lat": float("nan"), "lon": -73.98}}, "#/pickup/lat"),
        ({"pickup": {"lat": float("inf"), "lon": -73.98}}, "#/pickup/lat"),
        ({"coverage": float("nan")}, "#/coverage"),
        ({"colour": "yellow"}, "#/colour"),
        ({"passenger_count": 2.5}, "#/passenger_count"),
    ],
)
def test_messagepack_is_read_as_strictly_as_json(
    client: TestClient[Litestar], body: dict[str, Any], changed: dict[str, Any], pointer: str
) -> None:
    content = msgspec.msgpack.encode(body | changed)
    response = client.post(PREDICTIONS, content=content, headers={"Content-Type": MSGPACK, "Accept": MSGPACK})
    assert response.status_code == 422
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.json()["errors"][0]["pointer"] == pointer


@pytest.mark.parametrize("content", [b"", b"\xc1", b"\x82\xa6pickup", b"{}", b"\xdd\xff\xff\xff\xff"])
def test_what_is_no_messagepack_or_no_object_is_refused(client: TestClient[Litestar], content: bytes) -> None:
    response = client.post(PREDICTIONS, content=content, headers={"Content-Type": MSGPACK})
    assert response.status_code in (400, 422)
    assert response.json()["type"] in ("/problems/malformed-body", "/problems/invalid-body")


def test_a_deeply_nested_body_is_refused(client: TestClient[Litestar]) -> None:
    content = b"\x81\xa6pickup" + b"\x91" * 100_000
    response = client.post(PREDICTIONS, content=content, headers={"Content-Type": MSGPACK})
    assert response.status_code in (400, 422)


@pytest.mark.parametrize("path", [PREDICTIONS, "/v1/predictions/batch", "/v1/matrix"])
def test_what_is_sent_as_something_else_is_told_what_is_taken(
    client: TestClient[Litestar], path: str
) -> None:
    response = client.post(path, content=b"lat,lon", headers={"Content-Type": "text/csv"})
    assert response.status_code == 415
    for taken in ("application/json", MSGPACK):
        assert taken in response.json()["detail"]
    assert ("application/x-ndjson" in response.json()["detail"]) == path.endswith("batch")


def test_health_and_problems_stay_json(serve: Serve, empty_shelf: ModelShelf, body: dict[str, Any]) -> None:
    with serve(shelf=empty_shelf) as client:
        assert client.get("/health/live", headers={"Accept": MSGPACK}).json() == {"status": "live"}
        response = client.post(PREDICTIONS, json=body, headers={"Accept": MSGPACK})
        assert response.status_code == 503
        assert response.json()["type"] == "/problems/no-champion"
