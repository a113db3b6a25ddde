"""Rate limits that several processes count together, in Redis."""

import asyncio
import time

from limits import RateLimitItemPerSecond
from limits.aio.storage import RedisStorage
from limits.aio.strategies import MovingWindowRateLimiter
from redis.asyncio import BlockingConnectionPool
from redis.exceptions import ConnectionError, RedisError  # noqa: A004 # as everybody calls it who uses Redis

from taxi_predictor.adapters.redis.connections import PATIENCE_S
from taxi_predictor.domain.errors import Unavailable
from taxi_predictor.ports.outbound.limits import WINDOW_S, RateLimits

__all__ = ["RedisRateLimits"]

PAUSE_S = 5.0
"""How long a Redis that did not answer is left alone; then one request asks, and the others go on."""
BROKEN = (RuntimeError, AttributeError)
"""What uvloop, and asyncio of Python 3.13, have in place of OSError for a connection not closed in order."""


class RedisRateLimits(RateLimits):
    """At most *at_most* admitted in any *window_s*, by the clocks of those who count."""

    def __init__(
        self,
        pool: BlockingConnectionPool,
        *,
        at_most: int,
        window_s: int = WINDOW_S,
        pause_s: float = PAUSE_S,
    ) -> None:
        # The URL is only to say which kind of server it is: the pool has the real one.
        storage = RedisStorage("async+redis://", implementation="redispy", connection_pool=pool)  # type: ignore[arg-type]
        self._pool = pool
        self._limiter = MovingWindowRateLimiter(storage)
        self._limit = RateLimitItemPerSecond(at_most, window_s, namespace="taxi-predictor")
        self._pause_s = pause_s
        self._is_away = False
        self._ask_again_at_s = 0.0

    async def take(self, who: str, /) -> float:
        now_s = time.monotonic()
        if self._is_away:
            if now_s < self._ask_again_at_s:
                raise Unavailable("the Redis that counts requests did not answer a moment ago")
            self._ask_again_at_s = now_s + self._pause_s  # by this one; those that come meanwhile pass
        try:
            async with asyncio.timeout(PATIENCE_S):
                wait_s = await self._taken(who)
        except (OSError, RedisError, *BROKEN) as error:
            self._is_away, self._ask_again_at_s = True, time.monotonic() + self._pause_s
            raise Unavailable("the Redis that counts requests does not answer") from error
        self._is_away = False
        return wait_s

    async def _taken(self, who: str) -> float:
        try:
            return await self._take(who)
        except (ConnectionError, *BROKEN):
            # It broke while nobody used it, as others will have then, and the pool did not see it: once more,
            # and without them.
            await self._pool.disconnect(inuse_connections=False)
            return await self._take(who)

    async def _take(self, who: str) -> float:
        if await self._limiter.hit(self._limit, who):
            return 0.0
        window = await self._limiter.get_window_stats(self._limit, who)
        # It may have become free between the two questions.
        return max(window.reset_time - time.time(), 0.001) if window.remaining <= 0 else 0.001
