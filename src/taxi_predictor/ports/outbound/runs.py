"""Notes that single runs, such as an ingest or a training, leave for the services."""

from abc import abstractmethod
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from taxi_predictor.domain.errors import PromotionRefused

__all__ = ["Became", "Run", "RunKind", "RunNotes", "RunResult", "RunTelemetry"]


class RunKind(StrEnum):
    INGEST = "ingest"
    OUTCOMES = "outcomes"
    """An ingest of what was reported of predicted trips."""
    TRAINING = "training"


class RunResult(StrEnum):
    SUCCEEDED = "succeeded"
    REFUSED = "refused"
    """It did what it could: the gate did not let its model pass."""
    FAILED = "failed"


class Became(StrEnum):
    """What became of a row."""

    ADDED = "added"
    KNOWN = "known"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """How the last run of a kind went."""

    kind: RunKind
    ended_at: datetime
    took_s: float
    trouble: str | None = None
    """The slug of why it did not do what it was for; None: it did."""
    trips: dict[Became, int] = field(default_factory=dict)
    """Of an ingest, how many rows became what."""

    @property
    def result(self) -> RunResult:
        if self.trouble is None:
            return RunResult.SUCCEEDED
        return RunResult.REFUSED if self.trouble == PromotionRefused.slug else RunResult.FAILED


class RunNotes(Protocol):
    """One note for each kind, which several processes read."""

    @abstractmethod
    def note(self, run: Run, /) -> None:
        """Leave *run* in the place of the former one of its kind; a reader sees one or the other.

        Raises:
            Unavailable: it cannot be left, as where there is no room (StorageFull); the former one stays.
        """
        ...

    @abstractmethod
    def last(self, kind: RunKind, /) -> Run | None:
        """What was left last; None: nothing was, or it cannot be read."""
        ...


class RunTelemetry(Protocol):
    """Takes in how runs went, as :class:`~taxi_predictor.ports.outbound.telemetry.Telemetry` does."""

    @abstractmethod
    def ran(self, run: Run, /, *, now: datetime) -> None:
        """The last run of its kind went as *run* says. Only the last call for a kind counts."""
        ...
