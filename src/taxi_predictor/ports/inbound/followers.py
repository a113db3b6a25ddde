"""Work that goes on beside the answers, whatever happens to it."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

__all__ = ["following", "kept_going"]

log = logging.getLogger(__name__)

PAUSE_S = 5.0


@asynccontextmanager
async def following(*follows: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    """Keep all of *follows* going while inside; none of them is at work any more once this is left.

    What they use may be closed then: each has ended its own cleaning up, however long that took.
    """
    tasks = [asyncio.create_task(kept_going(follow)) for follow in follows]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        # Without return_exceptions the first that ends would end the wait for all.
        await asyncio.gather(*tasks, return_exceptions=True)


async def kept_going(follow: Callable[[], Awaitable[None]]) -> None:
    """Do *follow* until it returns, which it does when there is nothing to follow.

    Troubles of the outside it waits out itself. Any other error is a fault of ours: it is logged, and
    *follow* begins again.
    """
    while True:
        try:
            return await follow()
        except Exception:
            log.exception("follower.crashed")
        await asyncio.sleep(PAUSE_S)
