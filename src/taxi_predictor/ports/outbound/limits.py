"""Counting requests by caller."""

from abc import abstractmethod
from typing import Protocol

__all__ = ["WINDOW_S", "RateLimits"]

WINDOW_S = 60
"""A limit is a number of requests in any span of this length."""


class RateLimits(Protocol):
    """A limit for each caller: a number of requests in any window of time, wherever it begins."""

    @abstractmethod
    async def take(self, who: str, /) -> float:
        """Count one request of *who* and return 0.0; or return the seconds until one more is admitted.

        Only what is admitted counts: asking too often does not make the wait longer.
        Nobody's requests count for another, and of those that come at once no more are admitted
        than of those that come in turn.

        Raises:
            Unavailable: those who count do not answer; whether it was counted is not known.
        """
        ...
