"""A handler of any kind behind a key: it works once, whatever befalls it, its store or its client."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from inspect import isfunction
from typing import Any

import httpx
import pytest
from litestar import Litestar, Request, Response, post
from litestar.datastructures import State
from litestar.enums import ScopeType
from litestar.exceptions import HTTPException
from litestar.middleware import ASGIMiddleware
from litestar.response import Stream
from litestar.types import ASGIApp, Receive, Scope, Send

from keyed import KEY, Store, a_scope
from taxi_predictor.adapters.http import idempotency
from taxi_predictor.adapters.http.gate.callers import remember_caller
from taxi_predictor.adapters.http.idempotency import Idempotency
from taxi_predictor.adapters.http.idempotency_key import (
    fingerprint,
)
from taxi_predictor.adapters.http.options import Options
from taxi_predictor.adapters.http.problems import EXCEPTION_HANDLERS
from taxi_predictor.adapters.memory.clock import MemoryClock
from taxi_predictor.domain.access import ANYBODY, Caller
from taxi_predictor.domain.errors import NoChampion
from taxi_predictor.ports.inbound.repeats import RepeatedRequests
from taxi_predictor.ports.testing.samples import NOON

LEASE = timedelta(minutes=1)


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
