"""How many requests are worked on at a time."""

import asyncio

from taxi_predictor.domain.errors import Overloaded

__all__ = ["Slots"]


class Slots:
    """*at_work* slots, and a queue for them of at most *waiting*: who came first goes first."""

    def __init__(self, *, at_work: int, waiting: int) -> None:
        self._free = at_work
        self._turns = asyncio.Semaphore(0)
        """Slots on their way to those who wait."""
        self._max_waiting = waiting
        self._waiting = 0

    async def enter(self) -> None:
        """Take a slot, now or when it is one's turn; who is cancelled leaves the queue.

        Raises:
            Overloaded: the queue is full.
        """
        if self._free:  # then nobody waits
            self._free -= 1
            return
        if self._waiting >= self._max_waiting:
            raise Overloaded("all slots are taken, and the queue for them is full")
        self._waiting += 1
        try:
            await self._turns.acquire()
        finally:
            self._waiting -= 1

    def leave(self) -> None:
        if self._waiting:
            self._turns.release()
        else:
            self._free += 1
