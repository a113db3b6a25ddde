"""Requests that are sent again: what becomes of the first, of its repeats, and of what is too old."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

import pytest

from taxi_predictor.adapters.memory.answers import MemoryAnswerStore
from taxi_predictor.adapters.memory.clock import MemoryClock
from taxi_predictor.domain.errors import IdempotencyKeyInUse, IdempotencyKeyReused, Unavailable
from taxi_predictor.ports.inbound.repeats import KEPT_FOR, RepeatedRequests
from taxi_predictor.ports.outbound.answers import Answer, Claim
from taxi_predictor.ports.testing.answers import an_answer
from taxi_predictor.ports.testing.samples import NOON

LEASE = timedelta(seconds=60)
A_MOMENT = timedelta(microseconds=1)


class ForgetfulStore(MemoryAnswerStore):
    """Is away the first time that it is to forget; says when it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.was_away = asyncio.Event()
        self.has_forgotten = asyncio.Event()

    async def forget(self, expired_by: datetime, /) -> int:
        if not self.was_away.is_set():
            self.was_away.set()
            raise Unavailable("the database does not answer")
        forgotten = await super().forget(expired_by)
        self.has_forgotten.set()
        return forgotten


def of_store(store: MemoryAnswerStore) -> tuple[RepeatedRequests, MemoryClock]:
    clock = MemoryClock(NOON)
    return RepeatedRequests(answers=store, clock=clock, lease=LEASE), clock


async def begin(repeats: RepeatedRequests, *, fingerprint: bytes = b"one") -> Claim | Answer:
    return await repeats.begin(owner="ada", key="k", fingerprint=fingerprint)


async def begin_first(repeats: RepeatedRequests, *, fingerprint: bytes = b"one") -> Claim:
    claim = await begin(repeats, fingerprint=fingerprint)
    assert isinstance(claim, Claim)
    return claim


async def test_an_answer_is_given_for_a_day_from_when_it_was_kept() -> None:
    repeats, clock = of_store(MemoryAnswerStore())
    claim = await begin_first(repeats)
    clock.advance(LEASE / 2)
    assert await repeats.keep(claim, an_answer())
    clock.advance(KEPT_FOR - A_MOMENT)
    assert await begin(repeats) == an_answer()
    clock.advance(A_MOMENT)
    await begin_first(repeats)


async def test_a_repeat_of_what_is_still_being_done_waits_at_most_the_lease() -> None:
    repeats, clock = of_store(MemoryAnswerStore())
    late = await begin_first(repeats)
    clock.advance(LEASE - A_MOMENT)
    with pytest.raises(IdempotencyKeyInUse) as refusal:
        await begin(repeats)
    assert refusal.value.retry_after_s == 1
    clock.advance(A_MOMENT)
    second = await begin_first(repeats)
    assert not await repeats.keep(late, an_answer(b"late"))
    assert await repeats.keep(second, an_answer(b"second"))
    assert await begin(repeats) == an_answer(b"second")


async def test_another_request_may_not_have_the_key_before_or_after_the_answer() -> None:
    repeats, _ = of_store(MemoryAnswerStore())
    claim = await begin_first(repeats)
    with pytest.raises(IdempotencyKeyReused):
        await begin(repeats, fingerprint=b"two")
    await repeats.keep(claim, an_answer())
    with pytest.raises(IdempotencyKeyReused):
        await begin(repeats, fingerprint=b"two")


async def test_a_released_key_is_for_whoever_comes_next() -> None:
    repeats, _ = of_store(MemoryAnswerStore())
    await repeats.release(await begin_first(repeats))
    await begin_first(repeats, fingerprint=b"two")


@asynccontextmanager
async def following(repeats: RepeatedRequests) -> AsyncIterator[None]:
    task = asyncio.create_task(repeats.follow())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_what_is_too_old_is_removed_again_and_again_even_if_the_store_was_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("taxi_predictor.ports.inbound.repeats.FORGET_EVERY", timedelta(milliseconds=1))
    store = ForgetfulStore()
    repeats, clock = of_store(store)
    await begin_first(repeats)
    clock.advance(LEASE)
    async with following(repeats), asyncio.timeout(5):
        await store.was_away.wait()
        await store.has_forgotten.wait()
    assert await store.forget(clock.now()) == 0
