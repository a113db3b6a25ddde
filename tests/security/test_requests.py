"""What is sent over HTTP to harm or to mislead: bodies, headers, paths, and addresses that are to be fetched.

What a server does with bytes that are no HTTP is tried in ``tests/journeys/test_bad_requests.py``, against a
real one.
"""

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from gated import ask as ask_gate
from gated import gated

Client = Any
TRIP = {
    "pickup": {"lat": 40.75, "lon": -73.98},
    "dropoff": {"lat": 40.78, "lon": -73.935},
    "pickup_at": "2024-03-01T08:30:00-05:00",
}
TEXT = json.dumps(TRIP)
JSON, MSGPACK, LINES = "application/json", "application/msgpack", "application/x-ndjson"
LEAKS = ("Traceback", "/src/", "site-packages", ".py", "asyncpg", "msgspec.")


def ask(client: Client, path: str, content: bytes | str, media_type: str = JSON, **headers: str) -> Any:
    return client.post(path, content=content, headers={"Content-Type": media_type, **headers})


def assert_refused(answer: Any, *statuses: int) -> Mapping[str, Any]:
    """With a status that says whose fault it is, shortly, and without a word about what is inside."""
    assert answer.status_code in statuses, (answer.status_code, answer.text[:300])
    assert len(answer.content) < 3_000
    assert not [word for word in LEAKS if word in answer.text]
    return dict(answer.json())


def number(text: str) -> str:
    return TEXT.replace("40.75", text, 1)


JSON_BODIES = {
    "a number of five thousand digits": number("9" * 5_000),
    "an exponent of a thousand digits": number("1e" + "9" * 1_000),
    "a number without end": number("1e400"),
    "NaN": number("NaN"),
    "minus Infinity": number("-Infinity"),
    "a number in hexadecimal": number("0x10"),
    "a whole number of five thousand digits": TEXT[:-1] + ', "passenger_count": ' + "1" * 5_000 + "}",
    "nested arrays": TEXT[:-1] + ', "reference": ' + "[" * 200_000,
    "nested objects": '{"pickup":' * 100_000,
    "an unknown field that goes deep": TEXT[:-1] + ', "x": ' + "[" * 100_000 + "]" * 100_000 + "}",
    "a field called as nothing should be": TEXT[:-1] + ', "__proto__": {"admin": true}}',
    "a field with a long name": TEXT[:-1] + f', "{"x" * 500_000}": 1}}',
    "a null byte": TEXT[:-1] + ', "reference": "a\\u0000b"}',
    "a line feed for the log": TEXT[:-1] + ', "reference": "a\\nlevel=error"}',
    "the escape of a terminal": TEXT[:-1] + ', "reference": "\\u001b[2J"}',
    "a long reference": TEXT[:-1] + f', "reference": "{"r" * 500_000}"}}',
    "bytes that are no text": TEXT.encode()[:-1] + b', "reference": "\xff\xfe"}',
    "another encoding": TEXT.encode("utf-16"),
    "two values": TEXT + TEXT,
    "a comment": "/**/" + TEXT,
}


@pytest.mark.parametrize("body", JSON_BODIES.values(), ids=JSON_BODIES)
@pytest.mark.parametrize("path", ["/v1/predictions", "/v1/predictions/batch"])
def test_json_that_is_meant_to_harm_is_refused(client: Client, path: str, body: str | bytes) -> None:
    if path.endswith("batch"):
        whole = body.encode() if isinstance(body, str) else body
        body = b'{"trips": [' + whole + b"]}"
    answer = ask(client, path, body)
    if answer.status_code == 200:  # a list in which the one trip is refused by itself
        [found] = answer.json()["predictions"]
        assert found["problem"]["status"] in (400, 422)
        assert len(answer.content) < 3_000
        assert not [word for word in LEAKS if word in answer.text]
    else:
        assert_refused(answer, 400, 413, 422)


@pytest.mark.parametrize("twice", ["1, 99", "99, 1"])
def test_of_a_name_that_comes_twice_both_have_to_be_right(client: Client, twice: str) -> None:
    """So nobody looks at the one and lets the other pass: there is one reader, and it reads both."""
    one, other = twice.split(", ")
    body = TEXT[:-1] + f', "passenger_count": {one}, "passenger_count": {other}' + "}"
    assert_refused(ask(client, "/v1/predictions", body), 422)


MSGPACK_BODIES = {
    "an array of four billion": b"\xdd\xff\xff\xff\xff",
    "an object of four billion": b"\xdf\xff\xff\xff\xff",
    "a text of four billion bytes": b"\xdb\xff\xff\xff\xff",
    "bytes of four billion bytes": b"\xc6\xff\xff\xff\xff",
    "an array of four billion where a place should be": b"\x81\xa6pickup\xdd\xff\xff\xff\xff",
    "an object of four billion where a place should be": b"\x81\xa6pickup\xdf\xff\xff\xff\xff",
    "nested arrays": b"\x91" * 200_000,
    "nested objects": b"\x81\xa6pickup" * 100_000,
    "an unknown field that goes deep": b"\x81\xa1x" + b"\x91" * 200_000 + b"\x01",
    "an extension of ours that there is not": b"\xc7\x04\x2atest",
    "a time beyond all": b"\x81\xa9pickup_at\xc7\x0c\xff\xff\xff\xff\xff\x7f\xff\xff\xff\xff\xff\xff\xff",
    "nothing that is in use": b"\xc1",
    "NaN": b"\x81\xa6pickup\x82\xa3lat\xcb\x7f\xf8\x00\x00\x00\x00\x00\x00\xa3lon\x00",
}


@pytest.mark.parametrize("body", MSGPACK_BODIES.values(), ids=MSGPACK_BODIES)
def test_messagepack_that_is_meant_to_harm_is_refused(client: Client, body: bytes) -> None:
    assert_refused(ask(client, "/v1/predictions", body, MSGPACK), 400, 422)


def test_lines_that_are_meant_to_harm_are_refused_each_by_itself(client: Client) -> None:
    lines = [
        b"[" * 60_000,
        b'{"a":' * 10_000,
        b"x" * 200_000,
        b"\x00" * 100,
        b"\xff\xfe{}",
        number("9" * 5_000).encode(),
        TEXT.encode(),
        b'{"pickup": "' + b"\\" * 10_000,
    ]
    answer = ask(client, "/v1/predictions/batch", b"\n".join(lines), LINES)
    assert answer.status_code == 200
    found = [json.loads(line) for line in answer.text.splitlines()]
    assert len(found) == len(lines)
    assert ["problem" in one for one in found] == [True] * 6 + [False, True]
    assert not [word for word in LEAKS if word in answer.text]


@pytest.mark.parametrize("name", ["gzip", "deflate", "br", "zstd", "identity, gzip", "GZIP"])
@pytest.mark.parametrize("path", ["/v1/predictions", "/v1/predictions/batch", "/v1/jobs"])
def test_nothing_is_unpacked(client: Client, path: str, name: str) -> None:
    media_type = "text/csv" if path.endswith("jobs") else JSON
    assert_refused(ask(client, path, b"\x1f\x8b", media_type, **{"Content-Encoding": name}), 415)


TENSORS: dict[str, Mapping[str, Any]] = {
    "a shape beyond all": {"shape": [2**62], "data": [1]},
    "a shape below nothing": {"shape": [-1], "data": [1]},
    "no shape": {"shape": [], "data": [1]},
    "many dimensions": {"shape": [1] * 1_000, "data": [1]},
    "bytes beyond all": {"shape": [1], "parameters": {"binary_data_size": 2**62}},
    "bytes below nothing": {"shape": [1], "parameters": {"binary_data_size": -8}},
    "another datatype": {"shape": [1], "data": [1], "datatype": "BYTES"},
    "a datatype of numpy's": {"shape": [1], "data": [1], "datatype": "object"},
    "a number without end": {"shape": [1], "data": [1e308 * 10]},
    "text": {"shape": [1], "data": ["__import__('os')"]},
}


@pytest.mark.parametrize("tensor", TENSORS.values(), ids=TENSORS)
def test_tensors_that_are_meant_to_harm_are_refused(client: Client, tensor: Mapping[str, Any]) -> None:
    body = {"inputs": [{"name": "pickup_lat", "datatype": "FP64", **tensor}]}
    answer = ask(client, "/v2/models/taxi-duration/infer", json.dumps(body))
    assert answer.status_code in (400, 422)
    assert len(answer.content) < 3_000
    assert not [word for word in LEAKS if word in answer.text]


@pytest.mark.parametrize("length", ["-1", "1e3", "99999999999999999999", "0x10", "\u0661", "10, 20", " "])
def test_a_length_of_the_head_of_tensors_is_a_number_within_the_body(client: Client, length: str) -> None:
    headers = {"Content-Type": "application/octet-stream", "Inference-Header-Content-Length": length.encode()}
    answer = client.post("/v2/models/taxi-duration/infer", content=b"{}", headers=headers)
    assert answer.status_code in (400, 422)


# --- headers ---


def named(client: Client, *ids: str) -> str:
    headers = [("X-Request-Id", name) for name in ids]
    return str(client.get("/health/live", headers=headers).headers["x-request-id"])


def test_of_two_request_ids_neither_is_believed(client: Client) -> None:
    assert named(client, "mine") == "mine"
    assert named(client, "mine", "yours") not in ("mine", "yours")
    assert named(client, "mine", "mine") != "mine"


@pytest.mark.parametrize("name", ["a b", "x" * 200, "<script>", "a;b", "\u00e4", "${jndi:ldap://x}", "'--"])
def test_an_id_that_is_not_fit_for_a_log_is_not_taken(client: Client, name: str) -> None:
    assert named(client, name.encode("utf-8")) != name  # type: ignore[arg-type] # as a client would send it


@pytest.mark.parametrize(
    "key",
    ["a b", "x" * 256, '"', '""', '"a', "\u00e4", "", '"a"b"', "../../x"],
)
def test_an_idempotency_key_is_one_of_the_few_kinds_that_there_are(client: Client, key: str) -> None:
    answer = client.post(
        "/v1/predictions", content=TEXT, headers={"Content-Type": JSON, "Idempotency-Key": key.encode()}
    )
    if key == "../../x":  # it is a name, and never one of a file
        assert answer.status_code == 200
    else:
        assert_refused(answer, 422)


def test_two_idempotency_keys_are_refused(client: Client) -> None:
    headers = [("Content-Type", JSON), ("Idempotency-Key", "one"), ("Idempotency-Key", "two")]
    assert_refused(client.post("/v1/predictions", content=TEXT, headers=headers), 422)


AUTHORIZATIONS = [
    "Bearer ",
    "Bearer taxi_00000000_" + "A" * 32,
    "Bearer taxi_../../etc_" + "A" * 32,
    "Bearer " + "x" * 50_000,
    "Bearer \u00e4\u00f6",
    "bearer\ttaxi",
    "Bearer taxi_00000000_" + "A" * 32 + "\x00",
    "Bearer ' or 1=1 --",
]


@pytest.mark.parametrize("value", AUTHORIZATIONS)
def test_a_key_that_is_none_lets_nobody_in(client: Client, value: str) -> None:
    answer = client.get("/v1/models", headers={"Authorization": value.encode()})
    problem = assert_refused(answer, 401)
    assert "AAAA" not in str(problem)


def test_a_key_does_not_come_by_another_name(client: Client, operator: Mapping[str, str]) -> None:
    """Not in the query, not in a cookie, not as Basic: such stand in logs, or are sent by any page."""
    [key] = operator.values()
    assert_refused(client.get("/v1/models", params={"key": key}), 401)
    assert_refused(client.get("/v1/models", headers={"Cookie": f"key={key}"}), 401)
    assert_refused(client.get("/v1/models", headers={"Authorization": f"Basic {key}"}), 401)
    assert client.get("/v1/models", headers=operator).is_success


@pytest.mark.parametrize(
    "trace", ["00-" + "0" * 32 + "-" + "0" * 16 + "-01", "x" * 10_000, "00-a-b-c", "\u00e4"]
)
def test_a_trace_that_is_none_is_not_followed(client: Client, trace: str) -> None:
    headers = [("traceparent", trace.encode()), ("tracestate", b"x" * 10_000), ("baggage", b"a=b")]
    assert client.get("/v1/stats", headers=headers).status_code in (200, 401)


# --- time ---


async def test_streams_that_drip_leave_turns_to_others() -> None:
    """Before, so many as there are turns kept everybody else from any answer, for as long as they liked."""
    app = gated(max_concurrent=4, max_waiting=8)
    dripping = [
        asyncio.create_task(ask_gate(app, "/stream", method="POST", pieces=[b"x"], ends=False))
        for _ in range(4)
    ]
    for _ in range(20):  # turns of the event loop, until each has begun
        await asyncio.sleep(0)
    try:
        answers = await asyncio.gather(*(ask_gate(app, "/who") for _ in range(4)))
        assert [answer.status for answer in answers] == [200] * 4
    finally:
        for task in dripping:
            task.cancel()
        await asyncio.gather(*dripping, return_exceptions=True)
    assert (await ask_gate(app, "/stream", method="POST", pieces=[b"whole"])).status == 201


# --- paths and addresses ---

ODD_NAMES = [
    "../../../etc/passwd",
    "..%2f..%2fetc%2fpasswd",
    "%2e%2e%2f%2e%2e%2fetc%2fpasswd",
    "..%5c..%5cwindows",
    "%00",
    "8e03978e-40d5-43e8-bc93-6894a57f9324%00",
    "8e03978e-40d5-43e8-bc93-6894a57f9324%2f..%2f..",
    "8E03978E-40D5-43E8-BC93-6894A57F9324",
    ".draft-0123456789abcdef0123456789abcdef",
    "file:%2f%2f%2fetc%2fpasswd",
    "http:%2f%2f169.254.169.254%2flatest",
    "*",
    "9" * 5_000,
    "%F0%9F%9A%95",
]


@pytest.mark.parametrize("name", ODD_NAMES)
@pytest.mark.parametrize(
    "path", ["/v1/jobs/{}", "/v1/jobs/{}/result", "/v1/models/{}", "/v1/models/{}/promote"]
)
def test_a_name_in_a_path_is_never_one_of_a_file(
    client: Client, operator: Mapping[str, str], path: str, name: str
) -> None:
    method = "POST" if path.endswith("promote") else "GET"
    answer = client.request(method, path.format(name), headers=operator)
    assert answer.status_code in (404, 405), answer.text
    assert "root:" not in answer.text
    assert not [word for word in LEAKS if word in answer.text]


@pytest.mark.parametrize("name", ODD_NAMES)
def test_nothing_is_deleted_by_such_a_name(client: Client, operator: Mapping[str, str], name: str) -> None:
    assert client.delete(f"/v1/jobs/{name}", headers=operator).status_code in (404, 405)


@pytest.mark.parametrize("named", ["source", "file", "url", "target", "path", "callback"])
def test_a_job_names_no_file_and_no_address(client: Client, tmp_path: Path, named: str) -> None:
    """What is to be read is in the body, and what came of it is fetched: nobody is asked, nothing opened."""
    for value in (str(tmp_path / "secret.csv"), "http://127.0.0.1:9/", "s3://bucket/trips.csv"):
        answer = client.post(f"/v1/jobs?{named}={value}", content=b"x", headers={"Content-Type": "text/csv"})
        assert_refused(answer, 422)
        body = json.dumps({named: value})
        assert_refused(ask(client, "/v1/jobs", body), 415)


@pytest.mark.parametrize(
    "value", ["nan", "inf", "-inf", "1e999", "0", "1", "9" * 5_000, "0x1", "", "0.5;0.6"]
)
def test_a_coverage_is_a_number_between_0_and_1(client: Client, value: str) -> None:
    answer = client.post(
        "/v1/jobs", params={"coverage": value}, content=b"x", headers={"Content-Type": "text/csv"}
    )
    assert_refused(answer, 422)


QUERIES = [
    "pickup=nan,nan&dropoff=40.7,-73.9",
    "pickup=inf,1&dropoff=40.7,-73.9",
    "pickup=" + "9" * 5_000 + "&dropoff=40.7,-73.9",
    "pickup=40.75,-73.98&dropoff=40.7,-73.9&date=0001-01-01",
    "pickup=40.75,-73.98&dropoff=40.7,-73.9&date=9999-12-31",
    "pickup=40.75,-73.98&dropoff=40.7,-73.9&date=%00",
    "pickup=40.75,-73.98&dropoff=40.7,-73.9&" + "x" * 5_000 + "=1",
    "pickup=<script>alert(1)</script>&dropoff=40.7,-73.9",
    "pickup=%ff%fe&dropoff=40.7,-73.9",
]


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_that_is_meant_to_harm_is_refused(client: Client, query: str) -> None:
    assert_refused(client.get(f"/v1/departures?{query}"), 400, 422)


OSRM = [
    "table/v1/driving/nan,nan;1,1",
    "table/v1/driving/1e400,1;1,1",
    "table/v1/driving/polyline(" + "~" * 20_000 + ")",
    "table/v1/driving/polyline(%00%01)",
    "table/v1/driving/-73.9,40.7;-73.8,40.7?sources=" + "9" * 5_000,
    "table/v1/driving/-73.9,40.7;-73.8,40.7?sources=999999999",
    "table/v1/driving/-73.9,40.7;-73.8,40.7?scale_factor=1e999",
    "table/v1/driving/-73.9,40.7;-73.8,40.7?sources="
    + ";".join("0" * 1_000)
    + "&destinations="
    + ";".join("1" * 1_000),
    "table/v1/driving/-73.9,40.7;-73.8,40.7?depart_at=99999999999",
    "at/99999999999/table/v1/driving/-73.9,40.7;-73.8,40.7",
    "at/%00/table/v1/driving/-73.9,40.7;-73.8,40.7",
    "table/v1/../../../etc/passwd",
    "tile/v1/car/tile(0,0,0).mvt",
    "table/v1/driving/-73.9,40.7;-73.8,40.7?hints=" + ";" * 20_000,
]


@pytest.mark.parametrize("path", OSRM)
def test_an_address_of_osrm_that_is_meant_to_harm_is_refused(client: Client, path: str) -> None:
    answer = client.get(f"/osrm/{path}")
    assert answer.status_code in (400, 404, 501)
    assert len(answer.content) < 3_000
    assert not [word for word in LEAKS if word in answer.text]


def test_what_is_not_there_says_no_more_than_that(client: Client) -> None:
    for path in (
        "/.git/config",
        "/.env",
        "/metrics",
        "/debug",
        "/v1/../.env",
        "/schema/../x",
    ):
        answer = client.get(path)
        assert answer.status_code in (400, 404), path


def test_a_page_of_the_api_runs_no_script(client: Client) -> None:
    assert "<script" not in client.get("/schema").text


def test_a_page_of_another_origin_may_ask_nothing(client: Client) -> None:
    headers = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    answer = client.options("/v1/predictions", headers=headers)
    assert "access-control-allow-origin" not in answer.headers
    assert "access-control-allow-origin" not in ask(client, "/v1/predictions", TEXT, Origin="null").headers
