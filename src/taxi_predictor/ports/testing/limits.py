"""The contract of RateLimits."""

import asyncio
from abc import abstractmethod
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager

from taxi_predictor.ports.outbound.limits import WINDOW_S, RateLimits
from taxi_predictor.ports.testing.contract import Contract

__all__ = ["AT_MOST", "RateLimitsContract"]

AT_MOST = 3
A_HAIR = 0.02
"""Of a window: what clocks that are not stopped need to get past an instant."""


class RateLimitsContract(Contract, of=RateLimits):
    """Times are in windows, so that one who tests on a real clock can make his short."""

    window_s: float = WINDOW_S

    @abstractmethod
    def open(self) -> AbstractAsyncContextManager[tuple[RateLimits, Callable[[float], Awaitable[None]]]]:
        """Limits that admit ``AT_MOST`` in a window and know nobody yet, and how to let windows pass."""

    async def test_so_many_are_admitted_and_one_more_has_to_wait(self) -> None:
        """For no longer than a window."""
        async with self.open() as (limits, _):
            assert [await limits.take("a") for _ in range(AT_MOST)] == [0.0] * AT_MOST
            assert 0.0 < await limits.take("a") <= self.window_s

    async def test_nobody_waits_for_another(self) -> None:
        """Whatever their names have in common."""
        async with self.open() as (limits, _):
            for who in ("a", "a/b", "b", "address 2001:db8::/64"):
                assert [await limits.take(who) for _ in range(AT_MOST)] == [0.0] * AT_MOST

    async def test_who_waits_as_told_is_admitted(self) -> None:
        """And not before half of it has passed."""
        async with self.open() as (limits, let_pass):
            for _ in range(AT_MOST):
                await limits.take("a")
            told = await limits.take("a") / self.window_s
            await let_pass(told / 2)
            rest = await limits.take("a") / self.window_s
            assert rest > 0
            await let_pass(rest + A_HAIR)
            assert await limits.take("a") == 0.0

    async def test_asking_too_often_makes_no_wait_longer(self) -> None:
        """Only what is admitted counts."""
        async with self.open() as (limits, let_pass):
            for _ in range(AT_MOST):
                await limits.take("a")
            waits = []
            for _ in range(4):
                waits.append(await limits.take("a") / self.window_s)
                await let_pass(0.1)
            assert waits == sorted(waits, reverse=True)
            await let_pass(waits[-1] - 0.1 + A_HAIR)
            assert await limits.take("a") == 0.0

    async def test_the_window_moves(self) -> None:
        """What was admitted late in one minute still counts early in the next."""
        async with self.open() as (limits, let_pass):
            await limits.take("a")
            await let_pass(0.6)
            for _ in range(AT_MOST - 1):
                await limits.take("a")
            await let_pass(0.5)
            assert await limits.take("a") == 0.0
            assert await limits.take("a") > 0.0

    async def test_of_those_that_come_at_once_no_more_are_admitted(self) -> None:
        """Than of those that come in turn."""
        async with self.open() as (limits, _):
            waits = await asyncio.gather(*(limits.take("a") for _ in range(3 * AT_MOST)))
            assert waits.count(0.0) == AT_MOST
