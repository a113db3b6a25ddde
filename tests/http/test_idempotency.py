"""A request with an Idempotency-Key is done once, and its repeats get the first answer."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from litestar import Litestar
from litestar.testing import TestClient

from keyed import KEY, Store, a_scope
from taxi_predictor.adapters.http.idempotency_key import (
    PATTERN,
    InvalidIdempotencyKey,
    fingerprint,
    key_of,
)
from taxi_predictor.adapters.memory.clock import MemoryClock
from taxi_predictor.ports.testing.samples import NOON

Serve = Callable[..., AbstractContextManager[TestClient[Litestar]]]


# --- the whole service ---


def test_a_repeat_gets_the_first_answer_byte_for_byte(serve: Serve, body: Mapping[str, Any]) -> None:
    with serve() as client:
        first, second = (client.post("/v1/predictions", json=body, headers=KEY) for _ in range(2))
    assert first.status_code == second.status_code == 200
    # A prediction that is made anew has another id.
    assert second.content == first.content
    assert second.headers["Content-Type"] == first.headers["Content-Type"] == "application/json"
    assert second.headers["Content-Length"] == first.headers["Content-Length"]
    assert "Idempotency-Replayed" not in first.headers
    assert second.headers["Idempotency-Replayed"] == "true"


def test_a_repeat_has_an_id_and_times_of_its_own(serve: Serve, body: Mapping[str, Any]) -> None:
    with serve() as client:
        first, second = (client.post("/v1/predictions", json=body, headers=KEY) for _ in range(2))
    assert len({answer.headers["X-Request-Id"] for answer in (first, second)}) == 2
    assert "model;dur=" in first.headers["Server-Timing"]
    assert "model" not in second.headers["Server-Timing"]


def test_without_a_key_every_request_is_done(serve: Serve, body: Mapping[str, Any]) -> None:
    with serve() as client:
        ids = {client.post("/v1/predictions", json=body).json()["prediction_id"] for _ in range(2)}
    assert len(ids) == 2


@pytest.mark.parametrize(
    "other",
    [
        {"content": b'{"pickup": {"zone": 132}, "dropoff": {"zone": 161}}'},
        {"content": b"not JSON"},
        {"params": {"explain": "true"}},
        {"headers": {"Content-Type": "application/json; charset=utf-8"}},
    ],
)
def test_the_key_of_another_request_is_refused(serve: Serve, other: Mapping[str, Any]) -> None:
    asked: Mapping[str, Any] = {"content": b'{"pickup": {"zone": 161}, "dropoff": {"zone": 132}}'}
    json = {"Content-Type": "application/json"}
    with serve() as client:
        first = client.post("/v1/predictions", **asked, headers={**json, **KEY})
        headers = {**json, **KEY, **other.get("headers", {})}
        refused = client.post("/v1/predictions", **{**asked, **other, "headers": headers})
        again = client.post("/v1/predictions", **asked, headers={**json, **KEY})
    assert refused.status_code == 422
    assert refused.headers["Content-Type"] == "application/problem+json"
    assert refused.json()["type"] == "/problems/idempotency-key-reused"
    assert again.content == first.content


def test_what_is_wrong_is_not_kept(serve: Serve, body: Mapping[str, Any]) -> None:
    with serve() as client:
        for _time in range(2):
            wrong = client.post("/v1/predictions", json={**body, "pickup_at": "never"}, headers=KEY)
            assert wrong.status_code == 422
            assert wrong.json()["type"] == "/problems/invalid-body"
            assert "Idempotency-Replayed" not in wrong.headers
        assert client.post("/v1/predictions", json=body, headers=KEY).status_code == 200


@pytest.mark.parametrize(
    ("media_type", "content"),
    [
        ("application/json", b'{"trips": [TRIP, TRIP]}'),
        ("application/x-ndjson", b"TRIP\nTRIP\n"),
    ],
)
def test_a_batch_is_answered_once_whole_or_as_lines(serve: Serve, media_type: str, content: bytes) -> None:
    trips = content.replace(b"TRIP", b'{"pickup": {"zone": 161}, "dropoff": {"zone": 132}}')
    with serve() as client:
        headers = {"Content-Type": media_type, **KEY}
        first, second = (
            client.post("/v1/predictions/batch", content=trips, headers=headers) for _ in range(2)
        )
    assert first.status_code == 200
    assert second.content == first.content
    assert first.content.count(b"prediction_id") == 2
    assert second.headers["Content-Type"] == first.headers["Content-Type"]
    assert second.headers["Idempotency-Replayed"] == "true"


def test_a_day_later_the_request_is_done_again(serve: Serve, body: Mapping[str, Any]) -> None:
    clock = MemoryClock(NOON)
    with serve(clock=clock) as client:
        ids = []
        for hours in (0, 23, 1):
            clock.advance(timedelta(hours=hours))
            ids.append(client.post("/v1/predictions", json=body, headers=KEY).json()["prediction_id"])
    assert ids[0] == ids[1] != ids[2]


def test_without_the_store_a_request_with_a_key_is_refused_and_another_is_answered(
    serve: Serve, body: Mapping[str, Any]
) -> None:
    store = Store()
    store.is_away = True
    with serve(answers=store) as client:
        with_key = client.post("/v1/predictions", json=body, headers=KEY)
        assert with_key.status_code == 503
        assert int(with_key.headers["Retry-After"]) > 0
        assert client.post("/v1/predictions", json=body).status_code == 200
        store.is_away = False
        assert client.post("/v1/predictions", json=body, headers=KEY).status_code == 200


def test_a_body_that_is_too_large_is_refused_as_it_is_without_a_key(serve: Serve) -> None:
    with serve(max_body_bytes=1024) as client:
        refused = client.post(
            "/v1/predictions", content=b" " * 1025, headers={"Content-Type": "application/json", **KEY}
        )
    assert refused.status_code == 413
    assert refused.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(
    "key", ["", "two words", "x" * 256, '"open', '"a"b"', '""', "caf\u00e9", '"\\a"', "a\tb"]
)
def test_a_key_that_is_none_is_refused(serve: Serve, body: Mapping[str, Any], key: str) -> None:
    with serve() as client:
        headers = {"Idempotency-Key": key.encode("latin-1")}
        refused = client.post("/v1/predictions", json=body, headers=headers)  # type: ignore[arg-type] # bytes are fine
    assert refused.status_code == 422
    assert refused.json()["type"] == "/problems/invalid-idempotency-key"


def test_two_keys_are_refused(serve: Serve, body: Mapping[str, Any]) -> None:
    with serve() as client:
        headers = [("Idempotency-Key", "one"), ("Idempotency-Key", "two")]
        refused = client.post("/v1/predictions", json=body, headers=headers)  # type: ignore[arg-type] # httpx takes pairs
    assert refused.json()["type"] == "/problems/invalid-idempotency-key"


def test_an_endpoint_that_takes_no_keys_looks_at_none(serve: Serve) -> None:
    store = Store()
    store.is_away = True
    with serve(answers=store) as client:
        assert client.get("/health/live", headers={"Idempotency-Key": "two words"}).status_code == 200


def test_keys_are_described(serve: Serve) -> None:
    with serve() as client:
        document = client.get("/schema/openapi.json").json()
    operation = document["paths"]["/v1/predictions"]["post"]
    [key] = [parameter for parameter in operation["parameters"] if parameter["name"] == "Idempotency-Key"]
    assert (key["in"], key["required"]) == ("header", False)
    assert "Idempotency-Replayed" in operation["responses"]["200"]["headers"]
    assert operation["responses"]["409"]["headers"].keys() >= {"Retry-After", "X-Request-Id"}
    assert "parameters" not in document["paths"]["/health/live"]["get"]


@given(st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=255))
def test_every_key_can_be_written_in_quotes_and_means_the_same_without(key: str) -> None:
    quoted = '"' + key.replace("\\", "\\\\").replace('"', '\\"') + '"'
    assert key_of(a_scope(idempotency_key=quoted.encode())) == key
    if not key.startswith('"'):
        assert key_of(a_scope(idempotency_key=key.encode())) == key


@given(st.from_regex(PATTERN, fullmatch=True))
def test_what_is_described_as_a_key_is_one(value: str) -> None:
    key = key_of(a_scope(idempotency_key=value.encode()))
    assert key is not None
    assert 1 <= len(key) <= 255


@given(st.binary(max_size=300))
def test_any_bytes_are_a_key_or_refused(value: bytes) -> None:
    try:
        key = key_of(a_scope(idempotency_key=value))
    except InvalidIdempotencyKey:
        return
    assert key is not None
    assert 1 <= len(key) <= 255
    assert all("!" <= character <= "~" for character in key)


def test_requests_that_differ_in_anything_have_fingerprints_of_their_own() -> None:
    scopes = [
        a_scope(),
        a_scope(method="PUT"),
        a_scope(path="/v2"),
        a_scope(query=b"explain=true"),
        a_scope(content_type=b"application/json"),
    ]
    fingerprints = [fingerprint(scope, body) for scope in scopes for body in (b"", b"{}", b"\n", b"\n{}")]
    assert len(set(fingerprints)) == len(fingerprints)
    assert {len(each) for each in fingerprints} == {32}
    assert fingerprint(a_scope(x_request_id=b"one"), b"") == fingerprint(a_scope(x_request_id=b"two"), b"")
