"""Keeping answered predictions on this machine until they are in the log that all share."""

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from taxi_predictor.domain.record import PredictionRecord

__all__ = ["PredictionSpool", "SpoolPart", "SpoolState"]


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
        """It is of no use to anybody: keep it where it is not taken again, and count it as damaged."""
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
            Unavailable: nothing can be appended, for another reason.
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
