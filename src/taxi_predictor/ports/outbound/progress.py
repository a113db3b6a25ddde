"""Telling a waiting person how far long work has come."""

from abc import abstractmethod
from contextlib import AbstractContextManager
from typing import Protocol

__all__ = ["Progress", "Step"]


class Step(Protocol):
    """One piece of long work under way."""

    @abstractmethod
    def advance(self, done: float, /) -> None:
        """*done* more units of the step's total are finished; from any thread."""
        ...

    @abstractmethod
    def say(self, text: str, /) -> None:
        """Show *text* beside the step, in place of what was shown before."""
        ...


class Progress(Protocol):
    """Tells a person how far long work has come."""

    @abstractmethod
    def step(self, label: str, /, *, total: float | None = None) -> AbstractContextManager[Step]:
        """Begin a step of *total* units (None: unknown); it ends with the context.

        Showing progress never fails the work: an adapter swallows its own troubles.
        """
        ...
