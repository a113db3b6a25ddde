"""How many requests are worked on at a time."""

import asyncio

from taxi_predictor.domain.errors import Overloaded

__all__ = ["Slots"]


class Slots:
    """*at_work* slots, and a queue for them of at most *waiting*: who came first goes first."""

    def __init__(self, *, at_work: int, waiting: int) -> None:
        self._free = asyncio.Semaphore(at_work)
        self._max_waiting = waiting
        self._waiting = 0

    async def enter(self) -> None:
        """Take a slot, now or when it is one's turn; who is cancelled leaves the queue.

        Raises:
            Overloaded: the queue is full.
        """
        if self._free.locked():
            if self._waiting >= self._max_waiting:
                raise Overloaded("as much is asked as can be worked on, and more than can wait")
            self._waiting += 1
            try:
                await self._free.acquire()
            finally:
                self._waiting -= 1
        else:
            await self._free.acquire()  # at once

    def leave(self) -> None:
        self._free.release()
