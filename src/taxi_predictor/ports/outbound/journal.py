"""What was done to models, by whom and why: written once, never changed."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from taxi_predictor.domain.model import ModelVersion

__all__ = ["Deed", "Entry", "Journal"]


class Deed(StrEnum):
    TRAINED = "trained"
    PROMOTED = "promoted"
    OVERRIDDEN = "overridden"
    """Promoted although its verdict spoke against it."""
    ROLLED_BACK = "rolled-back"
    REFUSED = "refused"
    """Was to be promoted, and was not."""
    OUT_OF_BAND = "out-of-band"
    """Live error, bias or coverage left its band."""
    BACK_IN_BAND = "back-in-band"
    """All of them are in their bands again, or there are too few trips to say that they are not."""
    RETRAINING = "retraining"
    """A retraining began because of that."""
    RETRAINING_FAILED = "retraining-failed"
    """It came to no model that could be judged, something outside did not answer, or it crashed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    at: datetime
    actor: str
    """Who did it: a person's login or the name of a key."""
    deed: Deed
    version: ModelVersion
    reason: str
    """One sentence or several: a verdict, or what the actor said."""


class Journal(Protocol):
    """What was done to models, by whom and why; entries are added and never changed."""

    @abstractmethod
    async def write(self, entry: Entry, /) -> None:
        """Append *entry*.

        Raises:
            Unavailable: the journal does not answer; nothing was written.
        """
        ...

    @abstractmethod
    async def entries(self, *, limit: int) -> Sequence[Entry]:
        """The *limit* newest entries in the order in which they were written, newest first."""
        ...
