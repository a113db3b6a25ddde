"""Lines answered while they come: nobody waits for ever, and memory is bounded."""

import asyncio
import tracemalloc
from collections.abc import Awaitable, Callable, Sequence
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taxi_predictor.adapters.http.lines import Line, LineAnswers, LineCutter, LineResponse
from taxi_predictor.adapters.http.spill import Spill
from taxi_predictor.domain.errors import TaxiPredictorError, Unavailable
from waiting import quiet


async def echo(lines: Sequence[Line]) -> bytes:
    return b"".join(b"%d %s\n" % (line.number, line.content or b"") for line in lines)


class By(LineAnswers):
    """Answers by a function."""

    def __init__(self, answer: Callable[[Sequence[Line]], Awaitable[bytes]]) -> None:
        self._answer = answer

    async def __call__(self, lines: Sequence[Line], /) -> bytes:
        return await self._answer(lines)

    def give_up(self, error: TaxiPredictorError, /) -> bytes:
        return f"given up: {error}\n".encode()


class Connection:
    """A client as a server shows it: *pieces* come when they are asked for."""

    def __init__(self, pieces: Sequence[bytes], *, reads_while_it_sends: bool, leaves: bool = False) -> None:
        self._pieces = list(pieces)
        self._leaves = leaves
        self._may_take = asyncio.Event()
        if reads_while_it_sends:
            self._may_take.set()
        self.taken: list[bytes] = []
        self.status: int | None = None
        self.is_complete = False

    def let_go(self) -> None:
        self._may_take.set()

    async def receive(self) -> dict[str, Any]:
        await asyncio.sleep(0)
        if self._pieces:
            piece = self._pieces.pop(0)
            more = bool(self._pieces) or self._leaves
            if not more:
                self.let_go()
            return {"type": "http.request", "body": piece, "more_body": more}
        if self._leaves:
            return {"type": "http.disconnect"}
        raise AssertionError("nothing follows the end of a body")

    async def send(self, message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            return
        await self._may_take.wait()
        self.taken.append(message["body"])
        self.is_complete = not message["more_body"]

    async def exchange(self, answer: Any) -> bytes:
        response = LineResponse(By(answer)).to_asgi_response(None, None)  # type: ignore[arg-type] # it looks at neither
        async with asyncio.timeout(20):
            await response({"type": "http"}, self.receive, self.send)  # type: ignore[arg-type,typeddict-item]
        return b"".join(self.taken)


@given(
    text=st.lists(st.sampled_from([b"a", b"bc", b"\n", b"\r\n", b" ", b"longer than ten"])).map(b"".join),
    cuts=st.lists(st.integers(0, 60)),
)
def test_a_line_is_the_same_however_the_stream_is_cut(text: bytes, cuts: list[int]) -> None:
    edges = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    cutter = LineCutter(max_bytes=10)
    found = [line for start, end in pairwise(edges) for line in cutter.feed(text[start:end])] + cutter.end()
    expected = []
    for number, content in enumerate(text.split(b"\n"), 1):
        if len(content) > 10:
            expected.append(Line(number, None))
        elif content.strip():
            expected.append(Line(number, content.strip()))
    assert found == expected


async def test_a_client_that_reads_nothing_before_it_has_sent_everything_gets_everything() -> None:
    pieces = [b"x" * 1000 + b"\n"] * 2000
    client = Connection(pieces, reads_while_it_sends=False)
    assert await client.exchange(echo) == b"".join(b"%d %s\n" % (n, b"x" * 1000) for n in range(1, 2001))
    assert client.is_complete


async def test_what_a_client_does_not_take_yet_is_not_kept_in_memory() -> None:
    async def at_length(lines: Sequence[Line]) -> bytes:
        return b"y" * 100_000 * len(lines)

    class Forgetful(Connection):
        taken_bytes = 0

        async def send(self, message: dict[str, Any]) -> None:
            await super().send(message)
            self.taken_bytes += sum(map(len, self.taken))
            self.taken.clear()

    client = Forgetful([b"x\n"] * 500, reads_while_it_sends=False)
    tracemalloc.start()
    try:
        await client.exchange(at_length)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert client.taken_bytes == 50_000_000
    assert peak_bytes < 3_000_000


async def test_a_line_is_answered_before_the_next_one_is_sent() -> None:
    class Conversation(Connection):
        answers = asyncio.Semaphore(1)

        async def receive(self) -> dict[str, Any]:
            await self.answers.acquire()
            return await super().receive()

        async def send(self, message: dict[str, Any]) -> None:
            await super().send(message)
            if message.get("body"):
                self.answers.release()

    client = Conversation([b"x\n", b"x\n", b"x\n"], reads_while_it_sends=True)
    assert await client.exchange(echo) == b"1 x\n2 x\n3 x\n"


async def test_when_the_client_leaves_the_work_ends() -> None:
    has_asked = asyncio.Event()

    async def answer(lines: Sequence[Line]) -> bytes:
        if lines[0].number == 3:
            has_asked.set()
        return await echo(lines)

    client = Connection([b"x\n"] * 3, reads_while_it_sends=False, leaves=True)
    exchange = asyncio.create_task(client.exchange(answer))
    await has_asked.wait()
    client.let_go()  # of one that has left, a server takes anything
    await exchange
    assert not client.is_complete


async def test_what_fails_before_the_first_answer_is_raised_before_the_response_begins() -> None:
    async def refuse(lines: Sequence[Line]) -> bytes:
        raise Unavailable("not now")

    client = Connection([b"x\n"], reads_while_it_sends=True)
    with pytest.raises(Unavailable):
        await client.exchange(refuse)
    assert client.status is None


async def test_what_fails_later_is_the_last_line() -> None:
    async def answer(lines: Sequence[Line]) -> bytes:
        if lines[0].number > 1:
            raise Unavailable("not now")
        return await echo(lines)

    client = Connection([b"x\n", *[b""] * 20, b"x\n"], reads_while_it_sends=True)
    assert await client.exchange(answer) == b"1 x\ngiven up: not now\n"
    assert client.is_complete


async def test_a_response_that_crashes_later_has_no_end() -> None:
    async def answer(lines: Sequence[Line]) -> bytes:
        if lines[0].number > 1:
            raise RuntimeError("broken")
        return await echo(lines)

    client = Connection([b"x\n", *[b""] * 20, b"x\n"], reads_while_it_sends=True)
    with pytest.raises(RuntimeError):
        await client.exchange(answer)
    assert (client.status, client.is_complete) == (200, False)


async def test_a_client_that_reads_no_more_is_left_without_an_end() -> None:
    class Unread(Connection):
        async def send(self, message: dict[str, Any]) -> None:
            if self.taken:
                raise Unavailable("nobody reads")  # as the gate says after a while
            await super().send(message)

    client = Unread([b"x\n", b"y\n"], reads_while_it_sends=True)
    assert await client.exchange(echo) == b"1 x\n"
    assert not client.is_complete


# --- the spill by itself ---


@given(
    appended=st.lists(st.binary(min_size=1, max_size=30), max_size=30),
    turns=st.lists(st.booleans(), max_size=60),
)
async def test_what_was_appended_comes_out_whatever_the_turns(
    appended: list[bytes], turns: list[bool]
) -> None:
    spill = Spill(memory_bytes=40)
    pieces, rest, read = spill.pieces(), list(appended), b""
    for is_reading in turns:
        if is_reading and len(spill):
            read += await anext(pieces)
        elif rest and not is_reading:
            await spill.append(rest.pop(0))
    for data in rest:
        await spill.append(data)
    await spill.end()
    async for piece in pieces:
        read += piece
    spill.close()
    assert read == b"".join(appended)


async def test_whoever_appends_waits_while_too_much_waits() -> None:
    spill = Spill(memory_bytes=4, max_bytes=10)
    await spill.append(b"12345678")
    appending = asyncio.create_task(spill.append(b"abcdefgh"))
    await quiet()
    assert not appending.done()
    pieces = spill.pieces()
    assert await anext(pieces) == b"12345678"
    await appending
    assert await anext(pieces) == b"abcdefgh"
    spill.close()


async def test_more_at_once_than_may_wait_is_taken_by_itself() -> None:
    spill = Spill(memory_bytes=4, max_bytes=10)
    await spill.append(b"x" * 100)
    assert len(spill) == 100
    spill.close()
