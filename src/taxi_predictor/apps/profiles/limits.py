"""Where requests are counted, if there is a limit to them."""

from contextlib import AsyncExitStack

from taxi_predictor.apps.settings import Settings
from taxi_predictor.ports.outbound.clock import Clock
from taxi_predictor.ports.outbound.limits import RateLimits

__all__ = ["limits_of"]


async def limits_of(settings: Settings, clock: Clock, stack: AsyncExitStack) -> RateLimits | None:
    at_most = settings.api_rate_per_minute
    if not at_most:
        return None
    if settings.redis_url is not None:
        from taxi_predictor.adapters.redis.connections import open_redis
        from taxi_predictor.adapters.redis.limits import RedisRateLimits

        pool = await stack.enter_async_context(open_redis(settings.redis_url))
        return RedisRateLimits(pool, at_most=at_most)
    from taxi_predictor.adapters.memory.limits import MemoryRateLimits

    return MemoryRateLimits(at_most=at_most, clock=clock)
