"""Counting what the service does, for those who watch it."""

from abc import abstractmethod
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from taxi_predictor.domain.model import ModelVersion
from taxi_predictor.domain.record import AnswerSource
from taxi_predictor.ports.outbound.spool import SpoolState
from taxi_predictor.ports.outbound.sync import SyncState

__all__ = ["Exposition", "Figures", "LoadTelemetry", "LogTelemetry", "PoolState", "Signal", "Telemetry"]


class Telemetry(Protocol):
    """Takes in what happens. It may be called from any thread, and neither waits nor fails."""

    @abstractmethod
    def answered(self, *, method: str, route: str, status: int, elapsed_s: float) -> None:
        """One request was answered, *elapsed_s* after it came.

        *route* is the template of a path, such as ``/v1/models/{version}``: each new one is kept for
        ever. Every call counts.
        """
        ...

    @abstractmethod
    def refused(self, *, reason: str) -> None:
        """Something was not done, for *reason*: the slug of an error. Every call counts."""
        ...

    @abstractmethod
    def predicted(
        self, *, version: ModelVersion | None, source: AnswerSource, trips: int, elapsed_s: float
    ) -> None:
        """The model *version* (None: none that was trained), answering as *source*, estimated *trips*
        together, within *elapsed_s*. Every call counts."""
        ...

    @abstractmethod
    def ready(self, source: AnswerSource | None, /, *, version: ModelVersion | None = None) -> None:
        """The service answers as *source*, by the model *version* if it was trained; None: it is not ready.

        Only the last call counts.
        """
        ...

    @abstractmethod
    def synced(self, state: SyncState, /, *, now: datetime) -> None:
        """The last look at the registry left *state*. Only the last call counts."""
        ...


class LogTelemetry(Protocol):
    """Takes in what happens to predictions once they are made, as :class:`Telemetry` does."""

    @abstractmethod
    def logged(self, predictions: int, /) -> None:
        """This many are in the log, or will be. Every call counts."""
        ...

    @abstractmethod
    def unlogged(self, predictions: int, /) -> None:
        """This many could not be kept. Every call counts."""
        ...

    @abstractmethod
    def shipped(self, predictions: int, /) -> None:
        """This many went from the spool to the log. Every call counts."""
        ...

    @abstractmethod
    def spooled(self, state: SpoolState, /, *, now: datetime) -> None:
        """The spool that the processes of this machine share is in *state*. Only the last call counts."""
        ...

    @abstractmethod
    def orphaned(self, outcomes: int, /) -> None:
        """This many outcomes have waited too long for their predictions. Only the last call counts."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolState:
    """How the connections to a database are used."""

    size: int
    """How many are open."""
    idle: int
    """How many of them nobody uses."""
    waiting: int
    """How many callers wait for one."""


class Signal(StrEnum):
    """What the service emits besides figures."""

    SPANS = "spans"
    LOGS = "logs"


class LoadTelemetry(Protocol):
    """Takes in how much is asked of the service, and what of it falls short, as :class:`Telemetry` does."""

    @abstractmethod
    def asked_batch(self, *, trips: int) -> None:
        """One request asked about a list of this many *trips*. Every call counts."""
        ...

    @abstractmethod
    def asked_matrix(self, *, cells: int) -> None:
        """One request asked for a matrix of this many *cells*. Every call counts."""
        ...

    @abstractmethod
    def degraded(self, *, reason: str, trips: int) -> None:
        """This many *trips* were answered without something, for *reason*: one of a few slugs.

        Every call counts.
        """
        ...

    @abstractmethod
    def pooled(self, state: PoolState, /) -> None:
        """This process's connections to the database are in *state*. Only the last call counts."""
        ...

    @abstractmethod
    def dropped(self, signal: Signal, number: int, /) -> None:
        """This many of *signal* never reached the collector. Every call counts."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposition:
    """Figures as a text, and its media type."""

    media_type: str
    text: bytes


class Figures(Protocol):
    """Gives out what a telemetry took in."""

    @abstractmethod
    def exposition(self, accept: str = "", /) -> Exposition:
        """All that was told before, by every process of the service that ran since it was started.

        *accept* is what HTTP calls by that name; of the forms that there are, the one it likes best.
        """
        ...
