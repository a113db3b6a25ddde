"""How many requests are worked on at a time, who waits, and for how long."""

import asyncio
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from litestar.exceptions import LitestarException

from gated import Bell, ask, gated
from taxi_predictor.adapters.http.gate.slots import Slots
from taxi_predictor.domain.errors import Overloaded
from waiting import quiet

SOON_S = 0.05
PATIENCE_S = 5.0


async def test_no_more_are_worked_on_than_there_are_slots_and_who_came_first_goes_first() -> None:
    bell = Bell()
    app = gated(bell, max_concurrent=2, max_waiting=10)
    names = [f"n{number}" for number in range(8)]
    asked = []
    for name in names:
        asked.append(asyncio.create_task(ask(app, f"/task/{name}")))
        await quiet()
    for done in range(len(names)):
        assert bell.began == names[: done + 2]
        assert bell.at_work == min(2, len(names) - done)
        bell.ring()
        await quiet()
    answers = await asyncio.gather(*asked)
    assert [answer.body.decode() for answer in answers] == names


async def test_beyond_the_queue_the_answer_is_at_once_that_too_much_is_asked() -> None:
    bell = Bell()
    app = gated(bell, max_concurrent=1, max_waiting=2)
    asked = [asyncio.create_task(ask(app, "/task/x")) for _ in range(3)]
    await quiet()
    for path, method in (("/task/x", "GET"), ("/read", "POST"), ("/stream", "POST")):
        refused = await asyncio.wait_for(ask(app, path, method=method), SOON_S)
        assert refused.status == 503
        assert refused.headers["retry-after"] == "1"
        assert refused.problem["type"] == "/problems/overloaded"
    assert (await ask(app, "/free")).status == 200, "health needs no slot"
    for _ in range(3):
        bell.ring()
    assert [answer.status for answer in await asyncio.gather(*asked)] == [200] * 3


async def test_without_a_queue_only_who_finds_a_slot_is_served() -> None:
    bell = Bell()
    app = gated(bell, max_concurrent=1, max_waiting=0)
    first = asyncio.create_task(ask(app, "/task/x"))
    await quiet()
    assert (await ask(app, "/task/x")).status == 503
    bell.ring()
    assert (await first).status == 200
    bell.ring()
    assert (await ask(app, "/task/x")).status == 200


async def test_who_leaves_the_queue_gives_up_the_turn() -> None:
    bell = Bell()
    app = gated(bell, max_concurrent=1, max_waiting=1)
    first = asyncio.create_task(ask(app, "/task/first"))
    await quiet()
    leaver = asyncio.create_task(ask(app, "/task/leaver"))
    await quiet()
    leaver.cancel()
    await quiet()
    last = asyncio.create_task(ask(app, "/task/last"))
    await quiet()
    bell.ring()
    bell.ring()
    assert [(await task).status for task in (first, last)] == [200, 200]
    assert bell.began == ["first", "last"]


async def test_who_is_cancelled_at_work_frees_the_slot() -> None:
    bell = Bell()
    app = gated(bell, max_concurrent=1, max_waiting=0)
    first = asyncio.create_task(ask(app, "/task/first"))
    await quiet()
    first.cancel()
    await quiet()
    bell.ring()
    assert (await ask(app, "/task/second")).status == 200


@settings(deadline=None)
@given(
    steps=st.lists(st.tuples(st.sampled_from(["come", "finish", "leave"]), st.integers(0, 9)), max_size=60),
    at_work=st.integers(1, 3),
    waiting=st.integers(0, 3),
)
async def test_whoever_comes_leaves_or_finishes_no_slot_is_lost_and_nobody_overtakes(
    steps: Sequence[tuple[str, int]], at_work: int, waiting: int
) -> None:
    slots = Slots(at_work=at_work, waiting=waiting)
    working: list[int] = []
    queue: dict[int, asyncio.Task[None]] = {}
    entered: list[int] = []

    async def come(number: int) -> None:
        await slots.enter()
        entered.append(number)
        working.append(number)

    for number, (step, which) in enumerate(steps):
        if step == "come":
            task = asyncio.create_task(come(number))
            is_full = len(working) == at_work and len(queue) >= waiting
            await quiet()
            if is_full:
                assert isinstance(task.exception(), Overloaded)
            else:
                queue[number] = task
        elif step == "finish" and working:
            working.pop(which % len(working))
            slots.leave()
        elif step == "leave" and queue:
            queue.pop(sorted(queue)[which % len(queue)]).cancel()
        await quiet()
        queue = {waiter: task for waiter, task in queue.items() if not task.done()}
        assert len(working) <= at_work
        assert not queue or len(working) == at_work, "a slot is free and somebody waits"
    assert all(earlier < later for earlier, later in pairwise(entered))
    for task in queue.values():
        task.cancel()


async def test_a_turn_that_comes_together_with_leaving_goes_to_the_next() -> None:
    slots = Slots(at_work=1, waiting=2)
    await slots.enter()
    leaver, last = (asyncio.create_task(slots.enter()) for _ in range(2))
    await quiet()
    slots.leave()
    leaver.cancel()
    await asyncio.wait_for(last, SOON_S)
    slots.leave()
    await asyncio.wait_for(slots.enter(), SOON_S)


# --- deadlines ---


async def test_work_that_takes_too_long_is_given_up() -> None:
    bell = Bell()
    app = gated(bell, deadline_s=SOON_S, max_concurrent=1, max_waiting=0)
    for _ in range(2):  # the slot is free again
        answer = await asyncio.wait_for(ask(app, "/task/x"), PATIENCE_S)
        assert answer.status == 503
        assert int(answer.headers["retry-after"]) > 0
        assert answer.problem["type"] == "/problems/deadline-exceeded"
    assert bell.ended == bell.began == ["x", "x"]


async def test_work_on_a_body_that_came_is_given_up_likewise() -> None:
    app = gated(Bell(), deadline_s=SOON_S)
    answer = await ask(app, "/read", method="POST", pieces=[b"a", b"b"])
    assert answer.problem["type"] == "/problems/deadline-exceeded"


async def test_who_waits_too_long_for_a_turn_is_sent_away() -> None:
    bell = Bell()
    app = gated(bell, deadline_s=SOON_S, max_concurrent=1, max_waiting=1)
    first = asyncio.create_task(ask(app, "/stream", method="POST"))
    await quiet()
    answers = [await ask(app, "/task/x"), await ask(app, "/read", method="POST", pieces=[b"a"])]
    answers.append(await ask(app, "/stream", method="POST"))
    assert [answer.problem["type"] for answer in answers] == ["/problems/deadline-exceeded"] * 3
    assert bell.began == ["stream"]
    bell.ring()
    assert (await first).status == 201


@pytest.mark.parametrize("path", ["/read", "/stream"])
@pytest.mark.parametrize("pieces", [[], [b"half", b"of it"]])
async def test_a_body_that_does_not_come_is_not_waited_for(path: str, pieces: list[bytes]) -> None:
    answer = await asyncio.wait_for(
        ask(gated(deadline_s=SOON_S), path, method="POST", pieces=pieces, ends=False), PATIENCE_S
    )
    assert answer.status == 408
    assert answer.problem["type"] == "/problems/slow-request"


@pytest.mark.parametrize("path", ["/read", "/stream"])
async def test_a_body_that_breaks_off_is_a_bad_request_and_no_crash_of_ours(
    caplog: pytest.LogCaptureFixture, path: str
) -> None:
    answer = await ask(gated(), path, method="POST", pieces=[b"half"], ends=False, leaves=True)
    # Servers tell a chunk that cannot be read as they tell that the client left, who reads no answer.
    assert answer.status == 400
    assert answer.problem["type"] == "/problems/incomplete-body"
    assert caplog.records == []


async def test_a_stream_that_is_not_read_is_not_kept_for_ever() -> None:
    app = gated(deadline_s=SOON_S, max_concurrent=1, max_waiting=0)
    with pytest.raises(LitestarException, match="after response started"):
        await asyncio.wait_for(ask(app, "/stream", method="POST", reads=False), PATIENCE_S)
    # Its slot is free again.
    assert (await ask(app, "/stream", method="POST", pieces=[b"whole"])).status == 201


async def test_a_client_that_is_slow_to_send_takes_no_slot_from_others() -> None:
    app = gated(deadline_s=PATIENCE_S, max_concurrent=1, max_waiting=0)
    slow = [
        asyncio.create_task(ask(app, "/read", method="POST", pieces=[b"half"], ends=False)) for _ in range(9)
    ]
    await quiet()
    answer = await ask(app, "/read", method="POST", pieces=[b"wh", b"ole"])
    assert (answer.status, answer.body) == (201, b"whole")
    for task in slow:
        task.cancel()
    await asyncio.gather(*slow, return_exceptions=True)


async def test_a_stream_may_take_longer_in_all_than_each_piece_may() -> None:
    bell = Bell()
    app = gated(bell, deadline_s=SOON_S)
    asked = asyncio.create_task(ask(app, "/stream", method="POST", pieces=[b"abc", b"de"]))
    await asyncio.sleep(2 * SOON_S)
    assert not asked.done()
    bell.ring()
    assert (await asked).body == b"5"


@pytest.mark.parametrize(
    ("path", "method", "sent", "is_closed"),
    [
        ("/read", "POST", ("content-length", "1"), False),
        ("/stream", "POST", ("transfer-encoding", "chunked"), False),
        ("/task/x", "GET", ("accept", "*/*"), False),
        ("/free", "GET", ("content-length", "0"), False),
        ("/task/x", "GET", ("content-length", "1"), True),
        ("/nowhere", "POST", ("content-length", "1"), True),
        ("/free", "POST", ("transfer-encoding", "chunked"), True),
    ],
)
async def test_a_connection_ends_with_the_answer_to_what_was_not_read(
    path: str, method: str, sent: tuple[str, str], is_closed: bool
) -> None:
    answer = await ask(gated(), path, method=method, headers=[sent], pieces=[b"x"])
    assert answer.headers.get("connection") == ("close" if is_closed else None)


async def test_a_connection_ends_with_a_refusal_before_the_body_is_read() -> None:
    bell = Bell()
    app = gated(bell, max_concurrent=1, max_waiting=0, deadline_s=SOON_S, allowed_hosts=("example.com",))
    sent = [("content-length", "9")]
    wrong_host = await ask(app, "/read", method="POST", headers=sent, pieces=[b"x" * 9])
    slow = await ask(app, "/read", method="POST", headers=[*sent, ("host", "example.com")], ends=False)
    for answer, status in ((wrong_host, 400), (slow, 408)):
        assert (answer.status, answer.headers["connection"]) == (status, "close")
