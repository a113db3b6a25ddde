"""A tiny application behind the gate, asked without a server: as the event loop sees it."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from litestar import Litestar, Request, get, post
from litestar.types import Message

from taxi_predictor.adapters.http.beginnings import as_it_begins
from taxi_predictor.adapters.http.gate.callers import caller
from taxi_predictor.adapters.http.gate.gate import Gate
from taxi_predictor.adapters.http.gate.leftovers import close_unread
from taxi_predictor.adapters.http.options import Options
from taxi_predictor.adapters.http.problems import EXCEPTION_HANDLERS
from taxi_predictor.domain.access import ANYBODY, Caller, Scope
from taxi_predictor.ports.outbound.limits import RateLimits

__all__ = ["KEYS", "Answer", "Bell", "Doors", "ask", "gated"]

KEYS = {
    "k-dispatch": Caller(name="dispatch", scopes=frozenset({Scope.PREDICT})),
    "k-app": Caller(name="app", scopes=frozenset({Scope.PREDICT})),
}


@dataclass(slots=True)
class Doors:
    """What is behind the gate of a test: two keys, and limits where there are some."""

    limits: RateLimits | None = None
    asked: list[tuple[str | None, Scope]] = field(default_factory=list)

    @property
    def gatekeeper(self) -> "Doors":
        return self

    def admit(self, key: str | None, scope: Scope, /) -> Caller:
        self.asked.append((key, scope))
        return KEYS.get(key or "", ANYBODY)


class Bell:
    """Handlers work until it has rung for them."""

    def __init__(self) -> None:
        self.began: list[str] = []
        self.ended: list[str] = []
        self._rings = asyncio.Semaphore(0)

    @property
    def at_work(self) -> int:
        return len(self.began) - len(self.ended)

    def ring(self) -> None:
        self._rings.release()

    async def work(self, name: str) -> None:
        self.began.append(name)
        try:
            await self._rings.acquire()
        finally:
            self.ended.append(name)


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def problem(self) -> Mapping[str, Any]:
        assert self.headers["content-type"] == "application/problem+json"
        read: Mapping[str, Any] = msgspec.json.decode(self.body)
        return read


def gated(bell: Bell | None = None, doors: Doors | None = None, **options: Any) -> Litestar:
    """Handlers that work until the *bell* rings, or answer at once where there is none."""

    async def work(name: str) -> None:
        if bell is not None:
            await bell.work(name)

    @get("/task/{name:str}", opt={"scope": Scope.PREDICT})
    async def handle(request: Request[Any, Any, Any]) -> str:
        name: str = request.path_params["name"]
        await work(name)
        return name

    @post("/read", opt={"scope": Scope.PREDICT})
    async def read(request: Request[Any, Any, Any]) -> str:
        body = await request.body()
        await work("read")
        return body.decode()

    @post("/stream", opt={"scope": Scope.PREDICT, "streams": (LINES,)})
    async def stream(request: Request[Any, Any, Any]) -> str:
        read = [piece async for piece in request.stream()]
        await work("stream")
        return str(sum(map(len, read)))

    @get(["/who", "/k/{key:str}/who"], opt={"scope": Scope.PREDICT})
    async def who(request: Request[Any, Any, Any]) -> str:
        return caller(request.scope).name

    @get(["/health", "/free"])
    async def free() -> str:
        return "free"

    app = Litestar(
        [handle, read, stream, who, free],
        before_send=[as_it_begins(close_unread)],
        middleware=[Gate(Options(**options))],
        exception_handlers=EXCEPTION_HANDLERS,
        openapi_config=None,
        logging_config=None,
    )
    app.state.hexagon = doors or Doors()
    return app


LINES = "application/x-ndjson"
"""What every request says that it brings."""


async def ask(
    app: Litestar,
    path: str = "/who",
    *,
    method: str = "GET",
    headers: Sequence[tuple[str, str]] = (("host", "example.com"),),
    peer: str | None = "192.0.2.1",
    pieces: Sequence[bytes] = (b"",),
    ends: bool = True,
    leaves: bool = False,
    reads: bool = True,
) -> Answer:
    """Ask *app* with a body of *pieces*; one that never *ends* keeps it waiting, or *leaves*.

    Who does not read gets the head of the answer only.
    """
    messages: list[Message] = []
    left = [
        {"type": "http.request", "body": piece, "more_body": not ends or number < len(pieces)}
        for number, piece in enumerate(pieces, start=1)
    ]

    async def receive() -> Any:
        if not left and leaves:
            return {"type": "http.disconnect"}
        if not left:
            await asyncio.Event().wait()
        return left.pop(0)

    async def send(message: Message) -> None:
        if not reads and message["type"] == "http.response.body":
            await asyncio.Event().wait()
        messages.append(message)

    scope: Any = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [
            (name.encode(), value.encode("latin-1")) for name, value in (*headers, ("content-type", LINES))
        ],
        "client": peer and (peer, 40_000),
        "server": ("127.0.0.1", 8000),
        "state": {},
    }
    await app(scope, receive, send)
    start, *bodies = messages
    return Answer(
        start["status"],  # type: ignore[typeddict-item]
        {name.decode().lower(): value.decode() for name, value in start["headers"]},  # type: ignore[typeddict-item]
        b"".join(body["body"] for body in bodies),  # type: ignore[typeddict-item]
    )
