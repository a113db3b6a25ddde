"""Reading the next piece in a thread while the caller works on the one before."""

import asyncio
from collections.abc import AsyncGenerator, Generator
from contextlib import suppress
from typing import TypeVar

__all__ = ["read_ahead"]

T = TypeVar("T")


async def read_ahead(found: Generator[T]) -> AsyncGenerator[T, None]:
    """Yield what *found* does, one ahead; it is closed at the end."""
    ahead = asyncio.create_task(asyncio.to_thread(next, found, None))
    try:
        while (one := await asyncio.shield(ahead)) is not None:
            ahead = asyncio.create_task(asyncio.to_thread(next, found, None))
            yield one
    finally:
        # A thread cannot be stopped: it ends its work before the file is closed.
        await asyncio.gather(ahead, return_exceptions=True)
        # Where the loop itself is ending the thread may still be at it; the file goes with it.
        with suppress(ValueError):
            found.close()
