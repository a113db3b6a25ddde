"""Work that goes on beside the answers, whatever happens to it."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

__all__ = ["kept_going"]

log = logging.getLogger(__name__)

PAUSE_S = 5.0


async def kept_going(follow: Callable[[], Awaitable[None]]) -> None:
    """Do *follow* until it returns, which it does when there is nothing to follow.

    It waits out the troubles of the outside by itself. What it does not know is a fault of ours: that is
    logged, and it begins again.
    """
    while True:
        try:
            return await follow()
        except Exception:
            log.exception("follower.crashed")
        await asyncio.sleep(PAUSE_S)
