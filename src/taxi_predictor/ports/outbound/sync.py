"""What the process that follows the registry leaves for those that serve on the same machine."""

from abc import abstractmethod
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from taxi_predictor.domain.model import ModelVersion

__all__ = ["SyncNotes", "SyncState"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncState:
    """How the last look at the registry went."""

    looked_at: datetime
    version: ModelVersion | None
    """The champion there; None: there is none, or nobody knows."""
    trouble: str | None = None
    """Why it does not serve here, or why nobody knows what it is; None: it does, or will in a moment."""


class SyncNotes(Protocol):
    """One note that several processes read."""

    @abstractmethod
    def note(self, state: SyncState, /) -> None:
        """Leave *state* in the place of the former one; a reader sees one or the other.

        Raises:
            Unavailable: it cannot be left, as where there is no room (StorageFull); the former one stays.
        """
        ...

    @abstractmethod
    def last(self) -> SyncState | None:
        """What was left last; None: nothing was, or it cannot be read."""
        ...
