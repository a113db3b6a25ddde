"""Many look at one service: it is asked once, and who gives up takes nobody's answer away."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress

import pytest

from taxi_predictor.adapters.memory.clock import MemoryClock
from taxi_predictor.adapters.memory.monitoring import RecordingMonitorTelemetry
from taxi_predictor.adapters.memory.signals import MemoryServiceSignals
from taxi_predictor.adapters.memory.telemetry import RecordingTelemetry
from taxi_predictor.domain.errors import Unavailable
from taxi_predictor.domain.signals import PartState, ServiceLoad
from taxi_predictor.ports.inbound.watching import Watching
from taxi_predictor.ports.testing.samples import NOON
from waiting import quiet


class Slow(MemoryServiceSignals):
    """Answers when it may, and counts how often it was asked."""

    def __init__(self) -> None:
        super().__init__(RecordingTelemetry(), RecordingMonitorTelemetry(), MemoryClock(NOON))
        self.asked = 0
        self.may_answer = asyncio.Event()

    async def load(self) -> ServiceLoad:
        self.asked += 1
        await self.may_answer.wait()
        return await super().load()

    async def parts(self) -> Sequence[PartState]:
        return []


async def test_many_who_look_at_once_ask_once() -> None:
    signals = Slow()
    watching = Watching(signals=signals)
    looks = [asyncio.create_task(watching.load()) for _ in range(20)]
    await quiet()
    looks[0].cancel()  # who gives up
    await quiet()
    signals.may_answer.set()
    answers = await asyncio.gather(*looks[1:])
    assert signals.asked == 1
    assert {answer.requests for answer in answers} == {0}


async def test_what_was_seen_a_moment_ago_is_shown_again_also_that_nobody_answered() -> None:
    signals = Slow()
    signals.may_answer.set()
    signals.away.add("api")
    watching = Watching(signals=signals)
    for _ in range(3):
        with pytest.raises(Unavailable):
            await watching.load()
    assert signals.asked == 1


async def test_following_goes_on_whatever_is_away() -> None:
    signals = Slow()
    signals.may_answer.set()
    signals.away.add("api")
    following = asyncio.create_task(Watching(signals=signals).follow())
    await quiet()
    assert signals.asked == 1
    assert not following.done()
    following.cancel()
    with suppress(asyncio.CancelledError):
        await following


async def test_where_no_service_is_watched_that_is_said() -> None:
    watching = Watching(signals=None)
    await watching.follow()
    with pytest.raises(Unavailable, match="no service is watched"):
        await watching.parts()
