"""What no well-meaning client sends: each gets its answer, and the process lives and keeps its size."""

import gzip
import json
import socket
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx
import pytest

TRIP = {
    "pickup": {"lat": 40.7580, "lon": -73.9855},
    "dropoff": {"lat": 40.6465, "lon": -73.7865},
    "pickup_at": "2024-03-01T08:30:00-05:00",
}
GOOD = json.dumps(TRIP)
JSON = {"Content-Type": "application/json"}
PATH = "/v1/predictions"
MAX_GROWTH_MB = 60
"""Of all processes of the server, over everything that is sent here."""


def with_number(text: str) -> str:
    return GOOD.replace("40.758", text)


BAD = [
    # what it is, the body, headers, the status, the problem's type
    ("not a number", with_number("NaN"), JSON, 400, "/problems/malformed-body"),
    ("infinity", with_number("Infinity"), JSON, 400, "/problems/malformed-body"),
    ("1e308", with_number("1e308"), JSON, 422, "/problems/invalid-body"),
    ("1e999", with_number("1e999"), JSON, 422, "/problems/invalid-body"),
    ("a number of a thousand digits", with_number("9" * 1000), JSON, 422, "/problems/invalid-body"),
    ("nothing", "", JSON, 400, "/problems/malformed-body"),
    ("an empty object", "{}", JSON, 422, "/problems/invalid-body"),
    ("an empty array", "[]", JSON, 422, "/problems/invalid-body"),
    ("a huge array", "[" + "1," * 100_000 + "1]", JSON, 422, "/problems/invalid-body"),
    ("deep nesting", "[" * 200_000, JSON, 422, "/problems/invalid-body"),
    ("deep objects", '{"pickup":' * 50_000, JSON, 422, "/problems/invalid-body"),
    ("invalid UTF-8", b'{"pickup": "\xff\xfe"}', JSON, 422, None),
    ("a lone surrogate", '{"pickup": "\\ud800"}', JSON, 400, None),
    ("a truncated body", GOOD[:-20], JSON, 400, "/problems/malformed-body"),
    ("more than one value", GOOD + GOOD, JSON, 400, "/problems/malformed-body"),
    ("too much", GOOD + " " * (2 << 20), JSON, 413, None),
    ("XML", "<trip/>", {"Content-Type": "application/xml"}, 415, None),
    ("no type", GOOD, {"Content-Type": ""}, 415, None),
    ("a form", "pickup=1", {"Content-Type": "application/x-www-form-urlencoded"}, 415, None),
    ("packed", gzip.compress(GOOD.encode()), {**JSON, "Content-Encoding": "gzip"}, 415, None),
    ("a bomb", gzip.compress(b" " * (64 << 20)), {**JSON, "Content-Encoding": "gzip"}, 415, None),
    ("year one", GOOD.replace("2024-", "0001-"), JSON, 422, "/problems/invalid-trip"),
    ("the year 9999", GOOD.replace("2024-", "9999-"), JSON, 422, "/problems/invalid-trip"),
    ("the 30th of February", GOOD.replace("03-01", "02-30"), JSON, 422, "/problems/invalid-body"),
    (
        "an hour that was skipped",
        GOOD.replace("2024-03-01T08:30:00-05:00", "2024-03-10T02:30:00"),
        JSON,
        422,
        "/problems/skipped-hour",
    ),
    (
        "an hour that came twice",
        GOOD.replace("2024-03-01T08:30:00-05:00", "2024-11-03T01:30:00"),
        JSON,
        422,
        "/problems/repeated-hour",
    ),
    ("the ocean", with_number("0"), JSON, 422, "/problems/invalid-trip"),
]


@pytest.mark.parametrize(
    ("body", "headers", "status", "kind"), [case[1:] for case in BAD], ids=[case[0] for case in BAD]
)
def test_bad_input_gets_the_documented_error(
    served: httpx.Client, body: str | bytes, headers: Mapping[str, str], status: int, kind: str | None
) -> None:
    answer = served.post(PATH, content=body, headers=headers)
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == status
    assert "Traceback" not in answer.text
    assert "/src/" not in answer.text
    if kind is not None:
        assert problem["type"] == kind
    assert len(answer.content) < 2_000


def test_a_trip_from_a_point_to_itself_is_a_round_trip(served: httpx.Client) -> None:
    answer = served.post(PATH, json=TRIP | {"dropoff": TRIP["pickup"]})
    assert answer.status_code == 200
    assert answer.json()["distance_km"] == 0
    assert answer.json()["duration_s"] >= 60


RAW = [
    ("no HTTP at all", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 64),
    ("half a request line", b"POST /v1/pred"),
    ("a length that is no number", b"POST /v1/predictions HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n"),
    (
        "two lengths",
        b"POST /v1/predictions HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
    ),
    (
        "a length and chunks, and another request in what is left",
        (
            b"POST /v1/predictions HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
            b"Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"0\r\n\r\nGET /health/live HTTP/1.1\r\nHost: a\r\n\r\n"
        ),
    ),
    (
        "chunks, and then no chunks",
        (
            b"POST /v1/predictions HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
            b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n"
            b"0\r\n\r\nGET /health/live HTTP/1.1\r\nHost: a\r\n\r\n"
        ),
    ),
    ("a thousand headers", b"GET /health HTTP/1.1\r\nHost: a\r\n" + b"a: b\r\n" * 1_000 + b"\r\n"),
    ("a header of a megabyte", b"GET /health HTTP/1.1\r\nHost: a\r\nx: " + b"a" * (1 << 20) + b"\r\n\r\n"),
    (
        "a broken chunk",
        (
            b"POST /v1/predictions HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
            b"Transfer-Encoding: chunked\r\n\r\nzz\r\n"
        ),
    ),
    (
        "less than it promised",
        (
            b"POST /v1/predictions HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
            b"Content-Length: 1000\r\n\r\n{"
        ),
    ),
]


@pytest.mark.parametrize("sent", [case[1] for case in RAW], ids=[case[0] for case in RAW])
def test_what_is_no_request_harms_nobody_else(served: httpx.Client, sent: bytes) -> None:
    with socket.create_connection((served.base_url.host, served.base_url.port or 80), timeout=10) as client:
        client.sendall(sent)
        try:
            client.shutdown(socket.SHUT_WR)
            answer = client.recv(4096)
        except OSError:  # the server hung up first
            answer = b""
    assert b" 200 " not in answer  # nor to what stands behind it
    assert b"Traceback" not in answer
    assert served.post(PATH, json=TRIP).status_code == 200


def test_a_chunk_that_cannot_be_read_is_a_bad_request(served: httpx.Client) -> None:
    [sent] = [case[1] for case in RAW if case[0] == "a broken chunk"]
    with socket.create_connection((served.base_url.host, served.base_url.port or 80), timeout=10) as client:
        client.sendall(sent)  # and it stays to read the answer
        answer = client.recv(4096)
    assert b" 400 " in answer.partition(b"\r\n")[0]
    assert b"/problems/incomplete-body" in answer


@pytest.mark.parametrize(
    "path", ["/health", "/schema", "/v1/departures?pickup=40.75,-73.98&dropoff=40.7,-73.9"]
)
def test_a_head_has_no_body_and_leaves_the_connection_whole(served: httpx.Client, path: str) -> None:
    request = f"HEAD {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode()
    with socket.create_connection((served.base_url.host, served.base_url.port or 80), timeout=10) as client:
        for _ in range(2):
            client.sendall(request)
            head = client.recv(65_536)
            assert head.startswith(b"HTTP/1.1 200 ")
            assert head.endswith(b"\r\n\r\n")
            assert int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]) > 0


def test_slow_clients_keep_nobody_waiting(served: httpx.Client) -> None:
    head = (
        b"POST /v1/predictions HTTP/1.1\r\nHost: a\r\n"
        b"Content-Type: application/json\r\nContent-Length: 900\r\n\r\n"
    )
    address = (served.base_url.host, served.base_url.port or 80)
    slow = [socket.create_connection(address, timeout=10) for _ in range(30)]
    try:
        for client in slow:
            client.sendall(head + b"{")
        began_s = time.monotonic()
        for _ in range(20):
            assert served.post(PATH, json=TRIP).status_code == 200
        assert time.monotonic() - began_s < 5
    finally:
        for client in slow:
            client.close()


def test_the_process_stays_at_its_size(served: httpx.Client, server_pid: int) -> None:
    for _ in range(3):
        send_everything(served)
    before_mb = memory_mb(server_pid)
    for _ in range(10):
        send_everything(served)
    assert memory_mb(server_pid) - before_mb < MAX_GROWTH_MB


def send_everything(client: httpx.Client) -> None:
    for _, body, headers, *_ in BAD:
        client.post(PATH, content=body, headers=headers)


def memory_mb(pid: int) -> float:
    return sum(
        int(line.split()[1]) / 1024
        for process in _tree(pid)
        for line in Path(f"/proc/{process}/status").read_text().splitlines()
        if line.startswith("VmRSS:")
    )


def _tree(pid: int) -> Iterator[int]:
    yield pid
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in children.read_text().split():
            yield from _tree(int(child))
