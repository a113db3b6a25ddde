"""Keeping what was answered: first on this machine, then for all, and with what came of it."""

from abc import abstractmethod
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from taxi_predictor.domain.prediction_id import PredictionId
from taxi_predictor.domain.record import Outcome, PredictionRecord

__all__ = [
    "Attached",
    "EndedPrediction",
    "OutcomeLog",
    "PredictionLog",
    "PredictionSpool",
    "SpoolPart",
    "SpoolState",
]


class SpoolPart(Protocol):
    """Some of the records of a spool, held by one taker."""

    @abstractmethod
    def records(self) -> Iterator[Sequence[PredictionRecord]]:
        """Yield its records in groups, oldest first; each call begins anew.

        What was cut off while it was being written is left out: nobody was told that it is kept. Of a
        part that was damaged otherwise the sound records are given.

        Raises:
            Unavailable: it cannot be read.
        """
        ...

    @abstractmethod
    def remove(self) -> None:
        """Its records are kept elsewhere: forget them here. A damaged one is set aside, not removed."""
        ...

    @abstractmethod
    def set_aside(self) -> None:
        """Nobody can do anything with it: keep it where nobody takes it again, and count it as damaged."""
        ...

    @property
    @abstractmethod
    def is_latest(self) -> bool:
        """Whether it is what this process appended last: whatever else there is was there before it."""
        ...

    @abstractmethod
    def put_back(self) -> None:
        """Let it be taken again, by whoever comes first. After :meth:`remove` nothing happens."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SpoolState:
    """All parts of all writers that nobody has removed yet."""

    size_bytes: int
    oldest_at: datetime | None
    """When the oldest record was made, or a little before; None: there is none."""
    damaged: int
    """How many parts were set aside."""


class PredictionSpool(Protocol):
    """Where records wait on this machine; several processes share one.

    A record that was appended is there when its process is killed, and whoever takes next finds it.
    """

    @abstractmethod
    def append(self, records: Sequence[PredictionRecord], /) -> None:
        """Append all of *records* or, to whoever takes them, none. It does not wait for anything remote.

        Raises:
            StorageFull: there is no room, or no more than the spool may take.
        """
        ...

    @abstractmethod
    def take(self) -> SpoolPart | None:
        """Hold the oldest part that nobody else holds; None: there is nothing to take.

        What this process appended so far is in some part; what another appended, once that has handed
        it over or has ended.

        Raises:
            Unavailable: nobody can look what there is.
        """
        ...

    @abstractmethod
    def state(self) -> SpoolState:
        """What waits here to be taken, or is held, of all processes together.

        Raises:
            Unavailable: nobody can look what there is.
        """
        ...

    @abstractmethod
    def hand_over(self) -> None:
        """What was appended before outlives a loss of power, where the disk can promise that.

        Other processes can take it, unless so much waits for them that they have enough to do.
        """
        ...

    @abstractmethod
    def close(self) -> None:
        """Hold nothing any more; all that was appended can be taken by others."""
        ...


class PredictionLog(Protocol):
    """Every prediction that was answered, once, for all who want to know later."""

    @abstractmethod
    async def add(self, records: Sequence[PredictionRecord], /) -> int:
        """Keep *records*, all or none, and return how many were new.

        One whose id is known changes nothing: the first write wins, so that adding again is harmless,
        from several processes at once too.

        Raises:
            Unavailable: the log does not answer; what was added is unknown, and adding again settles it.
            StorageFull: there is no room; nothing was added.
        """
        ...

    @abstractmethod
    async def find(
        self, prediction_ids: Sequence[PredictionId], /
    ) -> Mapping[PredictionId, PredictionRecord]:
        """The records of those of *prediction_ids* that are known.

        Raises:
            Unavailable: the log does not answer.
        """
        ...

    @abstractmethod
    def between(
        self, since: datetime, until: datetime, /
    ) -> AsyncGenerator[Sequence[PredictionRecord], None]:
        """Yield what was answered from *since* up to, not including, *until*, by id, in bounded memory.

        Whoever leaves early closes it, with :func:`contextlib.aclosing`.

        Raises:
            Unavailable: the log does not answer.
        """
        ...

    @abstractmethod
    async def count(self) -> int:
        """How many predictions are kept.

        Raises:
            Unavailable: the log does not answer.
        """
        ...


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
