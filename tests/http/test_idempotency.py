"""A request with an Idempotency-Key is done once, and its repeats get the first answer."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from inspect import isfunction
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from litestar import Litestar, Request, Response, post
from litestar.datastructures import State
from litestar.enums import ScopeType
from litestar.exceptions import HTTPException
from litestar.middleware import ASGIMiddleware
from litestar.response import Stream
from litestar.testing import TestClient
from litestar.types import ASGIApp, Receive, Scope, Send

from taxi_predictor.adapters.http import idempotency
from taxi_predictor.adapters.http.gate.callers import remember_caller
from taxi_predictor.adapters.http.idempotency import Idempotency
from taxi_predictor.adapters.http.idempotency_key import (
    PATTERN,
    InvalidIdempotencyKey,
    fingerprint,
    key_of,
)
from taxi_predictor.adapters.http.options import Options
from taxi_predictor.adapters.http.problems import EXCEPTION_HANDLERS
from taxi_predictor.adapters.memory.answers import MemoryAnswerStore
from taxi_predictor.adapters.memory.clock import MemoryClock
from taxi_predictor.domain.access import ANYBODY, Caller
from taxi_predictor.domain.errors import NoChampion, Unavailable
from taxi_predictor.ports.inbound.repeats import RepeatedRequests
from taxi_predictor.ports.outbound.answers import Answer, Claim, Holder
from taxi_predictor.ports.testing.samples import NOON

Serve = Callable[..., AbstractContextManager[TestClient[Litestar]]]

KEY = {"Idempotency-Key": '"8e03978e-40d5-43e8-bc93-6894a57f9324"'}
LEASE = timedelta(minutes=1)


class Store(MemoryAnswerStore):
    """Can be away, for all or for what comes after a claim; and can let an answer wait."""

    def __init__(self) -> None:
        super().__init__()
        self.is_away = False
        self.goes_away = False
        self.is_slow = False
        self.is_asked_to_keep = asyncio.Event()
        self.may_keep = asyncio.Event()

    async def claim(self, claim: Claim, /) -> Holder | None:
        self._answer()
        held = await super().claim(claim)
        self.is_away = self.goes_away
        return held

    async def keep(self, claim: Claim, answer: Answer, /, *, until: datetime) -> bool:
        self._answer()
        if self.is_slow:
            self.is_asked_to_keep.set()
            await self.may_keep.wait()
        return await super().keep(claim, answer, until=until)

    async def release(self, claim: Claim, /) -> None:
        self._answer()
        await super().release(claim)

    def _answer(self) -> None:
        if self.is_away:
            raise Unavailable("the database does not answer")


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


# --- keys ---


def a_scope(*, method: str = "POST", path: str = "/v1", query: bytes = b"", **headers: bytes) -> Any:
    pairs = [(name.replace("_", "-").encode(), value) for name, value in headers.items()]
    return {"method": method, "path": path, "query_string": query, "headers": pairs}


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


# --- handlers of every kind ---


class AsWhoeverIsNamed(ASGIMiddleware):
    """Stands for the gate: believes who a request says that it is from."""

    scopes = (ScopeType.HTTP,)

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        name = dict(scope["headers"]).get(b"x-caller", ANYBODY.name.encode()).decode()
        remember_caller(scope, Caller(name=name, scopes=frozenset()))
        await next_app(scope, receive, send)


@dataclass
class Work:
    """A handler that counts, and does each time what comes next in *outcomes*; after those, 200."""

    outcomes: list[Any] = field(default_factory=list)
    done: int = 0
    store: Store = field(default_factory=Store)
    clock: MemoryClock = field(default_factory=lambda: MemoryClock(NOON))

    @asynccontextmanager
    async def open(self) -> AsyncIterator[httpx.AsyncClient]:
        # Litestar's own client serves from another thread, where this test's events do not reach.
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            yield client

    @cached_property
    def app(self) -> Litestar:
        @post("/task", status_code=200, opt={"idempotent": True})
        async def work(request: Request[Any, Any, Any]) -> Any:
            self.done += 1
            outcome = self.outcomes.pop(0) if self.outcomes else (await request.body()).decode()
            if isinstance(outcome, Exception):
                raise outcome
            return await outcome() if isfunction(outcome) else outcome

        @dataclass(frozen=True)
        class Hexagon:
            repeats: RepeatedRequests

        repeats = RepeatedRequests(answers=self.store, clock=self.clock, lease=LEASE)
        return Litestar(
            [work],
            middleware=[AsWhoeverIsNamed(), Idempotency(Options())],
            exception_handlers=EXCEPTION_HANDLERS,
            state=State({"hexagon": Hexagon(repeats)}),
            openapi_config=None,
            logging_config=None,
        )


async def test_the_handler_reads_the_body_that_was_sent() -> None:
    async with Work().open() as client:
        answer = await client.post("/task", content=b"x" * 100_000, headers=KEY)
    assert answer.text == "x" * 100_000


async def test_each_caller_has_keys_of_its_own() -> None:
    work = Work(outcomes=["of ada", "of bob", "of anybody"])
    async with work.open() as client:
        for _time in range(2):
            for caller in ("ada", "bob", "anybody"):
                headers = KEY if caller == "anybody" else {**KEY, "X-Caller": caller}
                assert (await client.post("/task", headers=headers)).text == f"of {caller}"
    assert work.done == 3


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 413, 415, 422, 429, 500, 502, 503])
async def test_a_failure_is_not_kept(status: int) -> None:
    work = Work(outcomes=[HTTPException(status_code=status), HTTPException(status_code=status)])
    async with work.open() as client:
        statuses = [(await client.post("/task", headers=KEY)).status_code for _ in range(4)]
    assert statuses == [status, status, 200, 200]
    assert work.done == 3


@pytest.mark.parametrize(
    ("error", "status"), [(NoChampion("no model"), 503), (ZeroDivisionError(), 500), (ValueError(), 500)]
)
async def test_a_crash_frees_the_key(error: Exception, status: int) -> None:
    work = Work(outcomes=[error])
    async with work.open() as client:
        statuses = [(await client.post("/task", headers=KEY)).status_code for _ in range(3)]
    assert statuses == [status, 200, 200]
    assert work.done == 2


async def test_while_the_first_is_being_answered_its_repeat_is_refused() -> None:
    work = Work()
    work.store.is_slow = True
    async with work.open() as client:
        first = asyncio.create_task(client.post("/task", content=b"x", headers=KEY))
        await work.store.is_asked_to_keep.wait()
        repeat = await client.post("/task", content=b"x", headers=KEY)
        other = await client.post("/task", content=b"y", headers=KEY)
        work.store.may_keep.set()
        assert (await first).text == "x"
        assert (await client.post("/task", content=b"x", headers=KEY)).text == "x"
    assert repeat.status_code == 409
    assert repeat.json()["type"] == "/problems/idempotency-key-in-use"
    assert int(repeat.headers["Retry-After"]) == 1
    assert other.status_code == 422
    assert work.done == 1


async def test_of_many_at_once_one_is_done() -> None:
    work = Work()
    async with work.open() as client:
        answers = await asyncio.gather(
            *(client.post("/task", content=b"x", headers=KEY) for _request in range(50))
        )
    assert work.done == 1
    assert {answer.status_code for answer in answers} <= {200, 409}
    assert {answer.text for answer in answers if answer.is_success} == {"x"}


async def test_the_key_of_a_process_that_died_is_free_when_its_lease_is_over() -> None:
    work = Work()
    request = a_scope(path="/task", content_type=b"text/plain")
    dead = RepeatedRequests(answers=work.store, clock=work.clock, lease=LEASE)
    await dead.begin(owner="anybody", key="k", fingerprint=fingerprint(request, b"x"))
    headers = {"Idempotency-Key": "k", "Content-Type": "text/plain"}
    async with work.open() as client:
        assert (await client.post("/task", content=b"x", headers=headers)).status_code == 409
        work.clock.advance(LEASE)
        assert (await client.post("/task", content=b"x", headers=headers)).text == "x"


async def test_an_answer_that_comes_after_the_lease_leaves_that_of_the_next(
    caplog: pytest.LogCaptureFixture,
) -> None:
    work = Work()

    async def be_overtaken() -> str:
        work.clock.advance(LEASE)
        assert (await client.post("/task", headers=KEY)).text == "second"
        return "first"

    work.outcomes = [be_overtaken, "second"]
    async with work.open() as client:
        assert (await client.post("/task", headers=KEY)).text == "first"
        assert (await client.post("/task", headers=KEY)).text == "second"
    assert [record.message for record in caplog.records] == ["answer.came-late"]


@pytest.mark.parametrize("outcome", ["done", HTTPException(status_code=404)])
async def test_when_the_store_goes_away_meanwhile_the_answer_is_given_all_the_same(
    outcome: Any, caplog: pytest.LogCaptureFixture
) -> None:
    work = Work(outcomes=[outcome])
    work.store.goes_away = True
    async with work.open() as client:
        first = await client.post("/task", headers=KEY)
        assert first.status_code == (200 if outcome == "done" else 404)
        work.store.goes_away = work.store.is_away = False
        assert (await client.post("/task", headers=KEY)).status_code == 409
        work.clock.advance(LEASE)
        assert (await client.post("/task", headers=KEY)).status_code == 200
    [record] = [record for record in caplog.records if record.name == idempotency.__name__]
    assert record.levelno == logging.WARNING
    assert record.message == "claim.not-settled"
    assert vars(record)["reason"] == "the database does not answer"


async def test_a_store_that_says_nothing_holds_no_answer_back_for_long(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(idempotency, "PATIENCE_S", 0.01)
    work = Work(outcomes=["done"])
    work.store.is_slow = True
    async with work.open() as client:
        assert (await client.post("/task", headers=KEY)).text == "done"
    assert [record.message for record in caplog.records] == ["claim.not-settled"]


async def test_work_that_is_given_up_frees_the_key() -> None:
    is_at_work = asyncio.Event()

    async def take_for_ever() -> None:
        is_at_work.set()
        await asyncio.Event().wait()

    work = Work(outcomes=[take_for_ever, "done"])
    async with work.open() as client:
        giving_up = asyncio.create_task(ask(work.app, leave=asyncio.Event()))
        await is_at_work.wait()
        giving_up.cancel()
        await asyncio.gather(giving_up, return_exceptions=True)
        assert (await client.post("/task", headers=KEY)).text == "done"


def stream(pieces: int, piece: bytes, *, after: Callable[[], Any] = lambda: None) -> Any:
    async def content() -> AsyncIterator[bytes]:
        for _piece in range(pieces):
            await asyncio.sleep(0)
            yield piece
            after()

    async def outcome() -> Stream:
        return Stream(content, media_type="application/x-ndjson")

    return outcome


async def test_a_stream_is_kept_whole() -> None:
    work = Work(outcomes=[stream(1_000, b"{}\n")])
    async with work.open() as client:
        first, second = [await client.post("/task", headers=KEY) for _ in range(2)]
    assert first.content == second.content == b"{}\n" * 1_000
    assert second.headers["Content-Type"] == first.headers["Content-Type"]
    assert work.done == 1


async def test_a_stream_that_breaks_off_is_not_kept() -> None:
    def fail() -> None:
        raise OSError("no more room")

    work = Work(outcomes=[stream(3, b"{}\n", after=fail), "whole"])
    async with work.open() as client:
        assert (await client.post("/task", headers=KEY)).status_code == 500
        assert (await client.post("/task", headers=KEY)).text == "whole"


class BreaksOff(Response[None]):
    """Ends without its end, and says nothing of it."""

    def to_asgi_response(self, *_: Any, **others: Any) -> Any:
        return self._start

    async def _start(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"{}\n", "more_body": True})


async def test_an_answer_without_its_end_is_not_kept() -> None:
    work = Work(outcomes=[BreaksOff(None), "whole"])
    sent = await ask(work.app, leave=asyncio.Event())
    assert [message.get("body") for message in sent] == [None, b"{}\n"]
    async with work.open() as client:
        assert (await client.post("/task", headers=KEY)).text == "whole"


async def test_an_answer_that_is_too_large_is_passed_on_and_not_kept(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(idempotency, "MAX_KEPT_BYTES", 1_000)
    work = Work(outcomes=[stream(334, b"{}\n"), stream(333, b"[]\n")])
    async with work.open() as client:
        assert (await client.post("/task", headers=KEY)).content == b"{}\n" * 334
        assert [record.message for record in caplog.records] == ["answer.too-large"]
        for _time in range(2):
            assert (await client.post("/task", headers=KEY)).content == b"[]\n" * 333
    assert work.done == 2


async def ask(app: Any, *, leave: asyncio.Event) -> list[Any]:
    """Ask as a server does, for a client that leaves when it is told; what was sent until then."""
    sent: list[Any] = []
    requests = [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive() -> Any:
        if requests and not leave.is_set():
            return requests.pop()
        await leave.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        if leave.is_set():
            raise OSError("the client is gone")
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/task",
        "raw_path": b"/task",
        "query_string": b"",
        "headers": [(b"idempotency-key", KEY["Idempotency-Key"].encode())],
        "http_version": "1.1",
        "scheme": "http",
        "client": ("127.0.0.1", 9),
        "server": ("127.0.0.1", 80),
    }
    await app(scope, receive, send)
    return sent


async def test_work_goes_on_when_the_client_leaves_and_the_repeat_finds_the_answer() -> None:
    leave = asyncio.Event()
    work = Work(outcomes=[stream(20, b"{}\n", after=leave.set)])
    async with work.open() as client:
        await asyncio.gather(ask(work.app, leave=leave), return_exceptions=True)
        answer = await client.post("/task", headers=KEY)
    assert answer.content == b"{}\n" * 20
    assert answer.headers["Idempotency-Replayed"] == "true"
    assert work.done == 1


async def test_an_answer_that_will_not_be_kept_ends_when_the_client_leaves(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(idempotency, "MAX_KEPT_BYTES", 10)
    leave = asyncio.Event()
    pieces = 0

    def count() -> None:
        nonlocal pieces
        pieces += 1
        if pieces == 10:
            leave.set()

    work = Work(outcomes=[stream(1_000, b"{}\n", after=count), "done"])
    async with work.open() as client:
        await asyncio.gather(ask(work.app, leave=leave), return_exceptions=True)
        assert pieces < 1_000
        assert (await client.post("/task", headers=KEY)).text == "done"


async def test_nothing_is_done_for_a_client_that_leaves_before_its_body_is_sent() -> None:
    work = Work()
    leave = asyncio.Event()
    leave.set()
    assert await ask(work.app, leave=leave) == []
    assert work.done == 0
