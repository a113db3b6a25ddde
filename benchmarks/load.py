"""Load on a server of this machine, and what it costs that server.

The client is one process with keep-alive connections and no HTTP library, so that it is no bottleneck.
CPU time is that of the server's whole process tree as the kernel counts it (/proc): on a machine that
others use too it is far steadier than requests per second.
"""

import asyncio
import os
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path

__all__ = ["Answers", "Target", "at_rate", "cpu_s", "flat_out", "processes", "running"]

TICK_S = 1 / os.sysconf("SC_CLK_TCK")
SERVER_CORES, CLIENT_CORES = {0}, {1}
METRICS_ABOVE = 20
"""So much higher is the port of a server's figures."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One request that is sent again and again."""

    name: str
    port: int
    path: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def request(self) -> bytes:
        lines = [
            f"POST {self.path} HTTP/1.1",
            f"Host: 127.0.0.1:{self.port}",
            "Content-Type: application/json",
            f"Content-Length: {len(self.body)}",
            *(f"{name}: {value}" for name, value in self.headers.items()),
        ]
        return "\r\n".join([*lines, "", ""]).encode() + self.body


@dataclass(slots=True)
class Answers:
    latencies_s: list[float] = field(default_factory=list)
    failed: int = 0
    elapsed_s: float = 0.0

    @property
    def per_s(self) -> float:
        return len(self.latencies_s) / self.elapsed_s

    def quantile_s(self, share: float) -> float:
        return sorted(self.latencies_s)[int(share * (len(self.latencies_s) - 1))]


class _Connection(asyncio.Protocol):
    """Sends one request at a time; an answer has a Content-Length."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers
        self._received = bytearray()
        self._sent_at_s = 0.0
        self._done: asyncio.Future[None] | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def ask(self, request: bytes, *, since_s: float | None = None) -> "asyncio.Future[None]":
        """Send *request*; latency counts from *since_s*, or from now."""
        assert self._transport is not None
        self._done = asyncio.get_running_loop().create_future()
        self._sent_at_s = time.perf_counter() if since_s is None else since_s
        self._transport.write(request)
        return self._done

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, blank, body = self._received.partition(b"\r\n\r\n")
        if not blank:
            return
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        if len(body) < length or self._done is None:
            return
        if head.startswith(b"HTTP/1.1 200"):
            self._answers.latencies_s.append(time.perf_counter() - self._sent_at_s)
        else:
            self._answers.failed += 1
        self._received.clear()
        self._done.set_result(None)

    def connection_lost(self, error: Exception | None) -> None:
        if self._done is not None and not self._done.done():
            self._done.set_exception(error or ConnectionError("the server closed the connection"))


async def _connections(target: Target, number: int, answers: Answers) -> list[_Connection]:
    loop = asyncio.get_running_loop()
    made = [
        await loop.create_connection(lambda: _Connection(answers), "127.0.0.1", target.port)
        for _ in range(number)
    ]
    return [protocol for _, protocol in made]


async def flat_out(target: Target, *, connections: int, seconds: float) -> Answers:
    """As many requests as *connections* get answered, each sending its next one after an answer."""
    answers = Answers()
    opened = await _connections(target, connections, answers)
    began_s = time.perf_counter()

    async def keep_asking(connection: _Connection) -> None:
        while time.perf_counter() - began_s < seconds:
            await connection.ask(target.request)

    await asyncio.gather(*map(keep_asking, opened))
    answers.elapsed_s = time.perf_counter() - began_s
    _close(opened)
    return answers


async def at_rate(target: Target, *, per_s: float, connections: int, seconds: float) -> Answers:
    """Requests at a steady rate; one that finds no free connection waits, and its latency says so."""
    answers = Answers()
    opened = await _connections(target, connections, answers)
    free: asyncio.Queue[_Connection] = asyncio.Queue()
    for connection in opened:
        free.put_nowait(connection)
    began_s, asked = time.perf_counter(), []

    async def ask(due_s: float) -> None:
        connection = await free.get()
        await connection.ask(target.request, since_s=due_s)
        free.put_nowait(connection)

    for number in range(int(per_s * seconds)):
        due_s = began_s + number / per_s
        if (wait_s := due_s - time.perf_counter()) > 0:
            await asyncio.sleep(wait_s)
        asked.append(asyncio.create_task(ask(max(due_s, began_s))))
    await asyncio.gather(*asked)
    answers.elapsed_s = time.perf_counter() - began_s
    _close(opened)
    return answers


def _close(opened: Sequence[_Connection]) -> None:
    for connection in opened:
        assert connection._transport is not None  # noqa: SLF001
        connection._transport.close()  # noqa: SLF001


def cpu_s(pid: int) -> float:
    """What *pid* and its descendants that live have used."""
    return sum(_own_cpu_s(process) for process in processes(pid))


def processes(pid: int) -> Iterator[int]:
    """*pid* and its descendants that live."""
    yield pid
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in children.read_text().split():
            yield from processes(int(child))


def _own_cpu_s(pid: int) -> float:
    # The name stands in parentheses and may hold anything; user and system time are 12th and 13th after it.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * TICK_S


@contextmanager
def running(
    command: Sequence[str | Path],
    *,
    port: int,
    ready: str,
    environ: Mapping[str, str] | None = None,
    log: Path = Path(os.devnull),
    cores: set[int] = SERVER_CORES,
) -> Iterator[int]:
    """A server on *cores*, where there are two; yields its pid once *ready* answers 200."""
    pin = (os.cpu_count() or 1) > 1
    errors = log.open("ab")
    process = subprocess.Popen(
        list(map(str, command)),
        env={**os.environ, "TAXI_METRICS_PORT": str(port + METRICS_ABOVE), **(environ or {})},
        stdout=subprocess.DEVNULL,
        stderr=errors,
        preexec_fn=(lambda: os.sched_setaffinity(0, cores)) if pin else None,
    )
    errors.close()
    try:
        _wait_until_ready(process, port, ready)
        yield process.pid
    finally:
        process.terminate()
        try:
            process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_ready(process: "subprocess.Popen[bytes]", port: int, path: str) -> None:
    deadline_s = time.monotonic() + 60
    while time.monotonic() < deadline_s:
        if process.poll() is not None:
            raise RuntimeError(f"{process.args!r} ended with {process.returncode} before it was ready")
        connection = HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", path)
            if connection.getresponse().status == 200:
                return
        except OSError:
            pass
        finally:
            connection.close()
        time.sleep(0.1)
    raise RuntimeError(f"{process.args!r} was not ready within 60 s")
