"""Adapters that break what RateLimits promises."""

import asyncio

from contract.breaking import breaks
from taxi_predictor.adapters.memory.clock import MemoryClock
from taxi_predictor.adapters.memory.limits import MemoryRateLimits
from taxi_predictor.ports.outbound.limits import WINDOW_S
from taxi_predictor.ports.testing.limits import RateLimitsContract


@breaks(RateLimitsContract, "test_so_many_are_admitted_and_one_more_has_to_wait")
class AdmitsOneMore(MemoryRateLimits):
    def __init__(self, *, at_most: int, clock: MemoryClock) -> None:
        super().__init__(at_most=at_most + 1, clock=clock)


@breaks(RateLimitsContract, "test_nobody_waits_for_another")
class CountsAllTogether(MemoryRateLimits):
    async def take(self, who: str, /) -> float:
        return await super().take(who.partition("/")[0])


@breaks(RateLimitsContract, "test_who_waits_as_told_is_admitted")
class TellsHalfTheWait(MemoryRateLimits):
    async def take(self, who: str, /) -> float:
        return await super().take(who) / 2


@breaks(RateLimitsContract, "test_asking_too_often_makes_no_wait_longer")
class CountsWhatIsRefused(MemoryRateLimits):
    async def take(self, who: str, /) -> float:
        wait_s = await super().take(who)
        self._admitted[who].append(self._clock.now())
        return wait_s


@breaks(RateLimitsContract, "test_the_window_moves")
class BeginsEachMinuteAnew(MemoryRateLimits):
    async def take(self, who: str, /) -> float:
        minute = int(self._clock.now().timestamp()) // WINDOW_S
        return await super().take(f"{who} {minute}")


@breaks(RateLimitsContract, "test_of_those_that_come_at_once_no_more_are_admitted")
class LooksBeforeItCounts(MemoryRateLimits):
    async def take(self, who: str, /) -> float:
        is_full = len(self._admitted.get(who, ())) >= self._at_most
        await asyncio.sleep(0)
        return float(WINDOW_S) if is_full else await super().take(who) * 0.0
