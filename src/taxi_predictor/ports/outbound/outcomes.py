"""Keeping what became of the trips that were predicted."""

from abc import abstractmethod
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from taxi_predictor.domain.record import Outcome, PredictionRecord

__all__ = ["Attached", "EndedPrediction", "OutcomeLog"]


class Attached(StrEnum):
    """What became of a reported outcome."""

    NEW = "new"
    KNOWN = "known"
    """The same was reported before."""
    CONFLICT = "conflict"
    """Another one was reported before, and stands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EndedPrediction:
    """A prediction and what became of its trip."""

    record: PredictionRecord
    outcome: Outcome

    @property
    def pickup_at(self) -> datetime:
        """When the trip started, as far as anybody said; it has ended by the time of the report."""
        outcome, planned_at = self.outcome, self.record.plan.pickup_at
        if outcome.pickup_at is not None:
            return outcome.pickup_at
        return min(planned_at, outcome.reported_at - timedelta(seconds=outcome.duration_s))


class OutcomeLog(Protocol):
    """What became of predicted trips. An outcome may come before its prediction is in the log."""

    @abstractmethod
    async def attach(self, outcomes: Sequence[Outcome], /) -> Sequence[Attached]:
        """Keep those of *outcomes* that are new, and say of each in their order what became of it.

        When it returns they are kept for good. A conflicting one changes nothing. Two in one call about
        the same prediction count in their order.

        Raises:
            Unavailable: the log does not answer; what was kept is unknown, and attaching again settles it.
            StorageFull: there is no room; nothing was kept.
        """
        ...

    @abstractmethod
    def ended(self, since: datetime, until: datetime, /) -> AsyncGenerator[Sequence[EndedPrediction], None]:
        """Yield the predictions whose outcome was reported from *since* up to, not including, *until*.

        By the time of the report, then by id, in bounded memory. Outcomes of unknown predictions are
        left out. Whoever leaves early closes it, with :func:`contextlib.aclosing`.

        Raises:
            Unavailable: the log does not answer.
        """
        ...

    @abstractmethod
    async def hours(self, since: datetime, until: datetime, /) -> Sequence[datetime]:
        """The hours (UTC), each by its beginning, that hold a report which :meth:`ended` would yield.

        Raises:
            Unavailable: the log does not answer.
        """
        ...

    @abstractmethod
    async def orphans(self, since: datetime, until: datetime, /, *, limit: int) -> Sequence[Outcome]:
        """At most *limit* outcomes whose prediction is not in the log, oldest first.

        Those reported from *since* up to, not including, *until*.

        Raises:
            Unavailable: the log does not answer.
        """
        ...

    @abstractmethod
    async def count(self) -> int:
        """How many outcomes are kept.

        Raises:
            Unavailable: the log does not answer.
        """
        ...
