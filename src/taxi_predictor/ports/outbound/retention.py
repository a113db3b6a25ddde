"""Forgetting what was answered and what became of it."""

from abc import abstractmethod
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from taxi_predictor.ports.outbound.outcomes import EndedPrediction

__all__ = ["Forgotten", "Retention"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgotten:
    """How many predictions and outcomes an order to forget was about."""

    predictions: int
    outcomes: int


class Retention(Protocol):
    """Forgetting what was answered and reported, for good."""

    @abstractmethod
    def ended(
        self, *, owner: str | None = None, reference: str | None = None
    ) -> AsyncGenerator[Sequence[EndedPrediction], None]:
        """Yield the predictions with an outcome that :meth:`erase` would remove, in bounded memory.

        Whoever leaves early closes it, with :func:`contextlib.aclosing`.

        Raises:
            Unavailable: the log does not answer.
        """
        ...

    @abstractmethod
    async def prune(self, before: datetime, /) -> Forgotten:
        """Remove predictions answered before *before*, and outcomes and shadows of such, known or not.

        Whole months go at once. Repeating it removes nothing more.

        Raises:
            Unavailable: the log does not answer; some of it may be removed already.
        """
        ...

    @abstractmethod
    async def erase(self, *, owner: str | None = None, reference: str | None = None) -> Forgotten:
        """Remove the predictions given to *owner*, or about *reference*, or both where both are named,
        with their outcomes and shadows.

        Raises:
            Unavailable: the log does not answer; nothing was removed.
        """
        ...

    @abstractmethod
    async def blur(self, before: datetime, /, *, digits: int) -> int:
        """Round the places of predictions answered before *before* to *digits* decimals of a degree.

        Returns how many were rounded, which those that are round already are not.

        Raises:
            Unavailable: the log does not answer; nothing was rounded.
        """
        ...
