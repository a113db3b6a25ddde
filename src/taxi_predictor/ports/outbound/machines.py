"""Several machines that share one piece of work."""

from abc import abstractmethod
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

__all__ = ["Machines", "Member"]

P = TypeVar("P")
R = TypeVar("R")


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One machine of a team that works on one thing together."""

    place: int
    """Which one, from 0."""
    addresses: tuple[str, ...]
    """Of each member, ``host:port``: nobody else listened there when the work began."""
    threads: int
    """How many of its machine it may use."""


class Machines(Protocol):
    """Processes on this machine or on others, all with our code; files are the same for all of them.

    What they are to do, what they do it with and what comes of it is sent to and fro: it has to survive
    pickling, and is a copy. Any of it may be done again, in whole, because a machine was lost meanwhile,
    even while the lost one is still at it: it has to be as good done twice.
    """

    @abstractmethod
    async def count(self) -> int:
        """How many there are now.

        Raises:
            Unavailable: there is none, and none came while it was waited for.
            UnlikeMachines: one has other code than this process.
        """
        ...

    @abstractmethod
    def each(self, do: Callable[[P], R], parts: Sequence[P], /) -> AsyncGenerator[R, None]:
        """Yield what *do* makes of each of *parts*, in their order.

        Some are worked on at once, so many ahead of what was taken as there are machines, and a few more.
        What *do* raises comes out in the place of that part, and none after it is begun. Whoever leaves
        early closes it, with :func:`contextlib.aclosing`: no further part is begun.

        Raises:
            Unavailable: no machine is left, or one part has cost several of them.
            UnlikeMachines: as in :meth:`count`.
        """
        ...

    @abstractmethod
    async def together(self, do: Callable[[Member], R], /) -> Sequence[R]:
        """Let every machine *do* it at the same time, each as another member, and return what each made.

        They may speak to each other at their addresses. If one is lost the others are stopped, and all of
        it is begun anew by those that are left or came back; a result is always that of one whole team.
        What *do* raises in one comes out, and the others are stopped.

        Raises:
            Unavailable: no machine is left, or some were lost again and again.
            UnlikeMachines: as in :meth:`count`.
        """
        ...
