"""What goes on beside the answers goes on."""

import asyncio
import logging
from functools import partial

import pytest

from taxi_predictor.ports.inbound import followers
from taxi_predictor.ports.inbound.followers import following, kept_going
from waiting import quiet


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(followers, "PAUSE_S", 0.001)


async def test_a_fault_is_logged_and_the_work_begins_again(caplog: pytest.LogCaptureFixture) -> None:
    calls = []

    async def follow() -> None:
        calls.append(1)
        if len(calls) < 3:
            raise RuntimeError("odd")

    with caplog.at_level(logging.ERROR):
        await asyncio.wait_for(kept_going(follow), 5)
    assert len(calls) == 3
    assert [record.message for record in caplog.records] == ["follower.crashed"] * 2


async def test_it_ends_when_it_is_told_to() -> None:
    async def follow() -> None:
        await asyncio.Event().wait()

    going = asyncio.create_task(kept_going(follow))
    await asyncio.sleep(0)
    going.cancel()
    with pytest.raises(asyncio.CancelledError):
        await going


async def test_all_have_ended_when_they_are_left_however_long_their_ends_take() -> None:
    """What they use is closed then: the first that ends must not end the wait for the others."""
    at_work: list[int] = []

    async def follow(turns: int) -> None:
        at_work.append(turns)
        try:
            await asyncio.Event().wait()
        finally:
            for _ in range(turns):
                await asyncio.sleep(0)
            at_work.remove(turns)

    async def until_cancelled() -> None:
        async with following(*(partial(follow, turns) for turns in (0, 9, 5))):
            await asyncio.Event().wait()

    going = asyncio.create_task(until_cancelled())
    await quiet()
    assert len(at_work) == 3
    going.cancel()
    with pytest.raises(asyncio.CancelledError):
        await going
    assert at_work == []
