"""Knowing what time it is."""

from abc import abstractmethod
from datetime import datetime
from typing import Protocol

__all__ = ["Clock"]


class Clock(Protocol):
    """What time it is."""

    @abstractmethod
    def now(self) -> datetime:
        """The present instant, aware, in UTC; never earlier than the one given before."""
        ...
