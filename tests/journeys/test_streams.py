"""Lines over a real socket: whenever a client reads, all of it is answered."""

import json
import os
import socket
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

TRIP = {
    "pickup": {"lat": 40.75, "lon": -73.98},
    "dropoff": {"lat": 40.78, "lon": -73.935},
    "pickup_at": "2024-02-20T08:30:00-05:00",
}
PIECE_LINES = 1_000
LINES = 200_000 if "SLOW" in os.environ else 60_000
"""Their answers are more than any buffer on the way takes."""


@pytest.fixture
def connection(served: httpx.Client) -> Iterator[socket.socket]:
    """A connection on which the head of a request of lines was sent."""
    with socket.create_connection(("127.0.0.1", served.base_url.port or 80), timeout=120) as opened:
        opened.sendall(
            b"POST /v1/predictions/batch HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
            b"Content-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        yield opened


def send_lines(connection: socket.socket, lines: int) -> None:
    """One in twenty is a trip; the others are not, so that it is the stream that is tested, not the model."""
    piece = (json.dumps(TRIP).encode() + b"\n" + b'{"pickup": 1}\n' * 19) * (PIECE_LINES // 20)
    chunk = b"%x\r\n%s\r\n" % (len(piece), piece)
    for _ in range(lines // PIECE_LINES):
        connection.sendall(chunk)
    connection.sendall(b"0\r\n\r\n")


def read_answers(connection: socket.socket) -> list[dict[str, Any]]:
    with connection.makefile("rb") as answer:
        assert answer.readline().startswith(b"HTTP/1.1 200")
        while answer.readline().strip():
            pass
        body = bytearray()
        while size := int(answer.readline(), 16):
            body += answer.read(size)
            answer.readline()
    return [json.loads(line) for line in body.splitlines()]


def assert_complete(answers: list[dict[str, Any]], lines: int, alone: float) -> None:
    assert len(answers) == lines
    for number, answer in enumerate(answers, start=1):
        if number % 20 == 1:
            assert answer["duration_s"] == pytest.approx(alone, abs=0.0011)
        else:
            assert answer["line"] == number


@pytest.fixture
def alone(served: httpx.Client) -> float:
    duration_s: float = served.post("/v1/predictions", json=TRIP).json()["duration_s"]
    return duration_s


def test_all_lines_may_be_sent_before_one_is_read(connection: socket.socket, alone: float) -> None:
    send_lines(connection, LINES)
    assert_complete(read_answers(connection), LINES, alone)


def test_lines_may_be_read_while_others_are_sent(connection: socket.socket, alone: float) -> None:
    sending = threading.Thread(target=send_lines, args=(connection, 20_000))
    sending.start()
    answers = read_answers(connection)
    sending.join()
    assert_complete(answers, 20_000, alone)


def test_a_client_that_leaves_in_the_middle_harms_nobody(
    served: httpx.Client, connection: socket.socket
) -> None:
    connection.sendall(b"4000\r\n" + b"{}\n" * 100)
    connection.close()
    assert served.post("/v1/predictions", json=TRIP).is_success
