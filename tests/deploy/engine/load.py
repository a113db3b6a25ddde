"""A client that counts: predictions by POST on connections that are kept, each with an Idempotency-Key.

So many connections, each with one request at a time, at a steady rate altogether. Every request has a key
of its own. An answer is what came back whole; where a connection is closed before any byte of an answer,
the request is sent once more with the same key, and both are counted apart.
``python load.py URL --certificate FILE --key-file FILE`` prints what it counted as JSON at SIGINT or the end.
"""

import argparse
import asyncio
import json
import signal
import ssl
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

__all__ = ["Counted", "put_under_load"]

TRIP = {"pickup": {"lat": 40.758, "lon": -73.9855}, "dropoff": {"lat": 40.6465, "lon": -73.7865}}
PATIENCE_S = 40.0


@dataclass
class Counted:
    asked: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    closed_before_answer: int = 0
    """Sent again once; what came of that is among the statuses, or unanswered."""
    unanswered: int = 0
    acknowledged: list[str] = field(default_factory=list)
    """The ids of predictions that were answered as logged."""
    slowest_s: float = 0.0

    def lines(self) -> dict[str, object]:
        return {
            "asked": self.asked,
            "statuses": dict(self.statuses),
            "closed_before_answer": self.closed_before_answer,
            "unanswered": self.unanswered,
            "slowest_s": round(self.slowest_s, 3),
            "acknowledged": self.acknowledged,
        }


class Closed(Exception):
    """The connection was closed before a byte of the answer came."""


class Line:
    """One kept connection that speaks HTTP/1.1."""

    def __init__(self, name: str, port: int, context: ssl.SSLContext, key: str) -> None:
        self._name, self._port, self._context, self._key = name, port, context, key
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def predict(self, idempotency_key: str | None) -> tuple[int, bytes]:
        if self._streams is None:
            self._streams = await asyncio.open_connection(
                "127.0.0.1", self._port, ssl=self._context, server_hostname=self._name
            )
        reader, writer = self._streams
        body = json.dumps(TRIP).encode()
        once = f"idempotency-key: {idempotency_key}\r\n" if idempotency_key else ""
        head = (
            f"POST /v1/predictions HTTP/1.1\r\nhost: {self._name}:{self._port}\r\n"
            f"authorization: Bearer {self._key}\r\n{once}"
            f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
        )
        is_over = True
        try:
            try:
                writer.write(head.encode() + body)
                await writer.drain()
                first = await reader.readline()
            except OSError as error:
                raise Closed from error
            if not first:
                raise Closed
            status, headers = int(first.split()[1]), {}
            while line := (await reader.readline()).strip():
                name, _, value = line.decode().partition(":")
                headers[name.lower()] = value.strip()
            content = await reader.readexactly(int(headers["content-length"]))
            is_over = headers.get("connection") == "close"
            return status, content
        finally:
            if is_over:
                writer.close()
                self._streams = None


async def put_under_load(
    name: str,
    port: int,
    certificate: Path,
    key: str,
    *,
    per_s: float,
    connections: int,
    stop: asyncio.Event,
    once: bool = True,
) -> Counted:
    """Ask until *stop* is set, *once*: with an Idempotency-Key each; finish what was asked then."""
    context = ssl.create_default_context(cafile=str(certificate))
    counted = Counted()

    async def ask_on(line: Line) -> None:
        while not stop.is_set():
            began, key_of_this = time.monotonic(), str(uuid4()) if once else None
            counted.asked += 1
            for attempt in range(2):
                try:
                    status, content = await asyncio.wait_for(line.predict(key_of_this), PATIENCE_S)
                except Closed:
                    counted.closed_before_answer += attempt == 0
                    counted.unanswered += attempt == 1
                except (OSError, TimeoutError, asyncio.IncompleteReadError):
                    counted.unanswered += 1
                    break
                else:
                    counted.statuses[status] += 1
                    said = json.loads(content)
                    if status == 200 and said["logged"]:
                        counted.acknowledged.append(said["prediction_id"])
                    break
            took = time.monotonic() - began
            counted.slowest_s = max(counted.slowest_s, took)
            await asyncio.sleep(max(0.0, connections / per_s - took))

    await asyncio.gather(*(ask_on(Line(name, port, context, key)) for _ in range(connections)))
    return counted


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--certificate", type=Path, required=True)
    parser.add_argument("--key-file", type=Path, required=True)
    parser.add_argument("--per-s", type=float, default=50)
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--for-s", type=float, default=3600)
    given = parser.parse_args()
    url = urlsplit(given.url)
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGINT, stop.set)
    loop.call_later(given.for_s, stop.set)
    counted = await put_under_load(
        str(url.hostname), url.port or 443, given.certificate, given.key_file.read_text().strip(),
        per_s=given.per_s, connections=given.connections, stop=stop,
    )  # fmt: skip
    sys.stdout.write(json.dumps(counted.lines()))


if __name__ == "__main__":
    asyncio.run(main())
