"""Telemetry that remembers every call, as values that a test can compare."""

from collections import deque
from collections.abc import MutableSequence
from dataclasses import dataclass
from datetime import datetime

from taxi_predictor.domain.model import ModelVersion
from taxi_predictor.domain.record import AnswerSource
from taxi_predictor.ports.outbound.runs import Run, RunKind, RunTelemetry
from taxi_predictor.ports.outbound.spool import SpoolState
from taxi_predictor.ports.outbound.sync import SyncState
from taxi_predictor.ports.outbound.telemetry import (
    Exposition,
    Figures,
    LoadTelemetry,
    LogTelemetry,
    PoolState,
    Signal,
    Telemetry,
)

__all__ = [
    "Answered",
    "AskedBatch",
    "AskedMatrix",
    "Degraded",
    "Dropped",
    "Logged",
    "Predicted",
    "RecordingTelemetry",
    "Refused",
    "Shipped",
    "Told",
    "Unlogged",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    method: str
    route: str
    status: int
    elapsed_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Predicted:
    version: ModelVersion | None
    source: AnswerSource
    trips: int
    elapsed_s: float


@dataclass(frozen=True, slots=True)
class Logged:
    predictions: int


@dataclass(frozen=True, slots=True)
class Unlogged:
    predictions: int


@dataclass(frozen=True, slots=True)
class Shipped:
    predictions: int


@dataclass(frozen=True, slots=True)
class AskedBatch:
    trips: int


@dataclass(frozen=True, slots=True)
class AskedMatrix:
    cells: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Degraded:
    reason: str
    trips: int


@dataclass(frozen=True, slots=True)
class Dropped:
    signal: Signal
    number: int


Told = (
    Answered
    | Refused
    | Predicted
    | Logged
    | Unlogged
    | Shipped
    | AskedBatch
    | AskedMatrix
    | Degraded
    | Dropped
)


class RecordingTelemetry(Telemetry, LogTelemetry, LoadTelemetry, RunTelemetry, Figures):
    """Grows with every call, unless it is to remember only the *last* so many."""

    def __init__(self, *, last: int | None = None) -> None:
        self.calls: MutableSequence[Told] = [] if last is None else deque(maxlen=last)
        """All that counts, in the order of the calls."""
        self.serving: tuple[ModelVersion | None, AnswerSource] | None = None
        """What the service answers with; None: it is not ready, or nobody said that it is."""
        self.sync: SyncState | None = None
        """How the last look at the registry went; None: nobody said."""
        self.spool: SpoolState | None = None
        """How the spool stands; None: nobody said."""
        self.orphans: int | None = None
        """How many outcomes wait too long for their predictions; None: nobody said."""
        self.pool: PoolState | None = None
        """How connections are used; None: nobody said."""
        self.runs: dict[RunKind, tuple[Run, datetime]] = {}
        """The last runs, and when they were told of."""

    def answered(self, *, method: str, route: str, status: int, elapsed_s: float) -> None:
        self.calls.append(Answered(method=method, route=route, status=status, elapsed_s=elapsed_s))

    def refused(self, *, reason: str) -> None:
        self.calls.append(Refused(reason=reason))

    def predicted(
        self, *, version: ModelVersion | None, source: AnswerSource, trips: int, elapsed_s: float
    ) -> None:
        self.calls.append(Predicted(version=version, source=source, trips=trips, elapsed_s=elapsed_s))

    def ready(self, source: AnswerSource | None, /, *, version: ModelVersion | None = None) -> None:
        self.serving = None if source is None else (version, source)

    def synced(self, state: SyncState, /, *, now: datetime) -> None:
        self.sync = state

    def logged(self, predictions: int, /) -> None:
        self.calls.append(Logged(predictions))

    def unlogged(self, predictions: int, /) -> None:
        self.calls.append(Unlogged(predictions))

    def shipped(self, predictions: int, /) -> None:
        self.calls.append(Shipped(predictions))

    def spooled(self, state: SpoolState, /, *, now: datetime) -> None:
        self.spool = state

    def orphaned(self, outcomes: int, /) -> None:
        self.orphans = outcomes

    def asked_batch(self, *, trips: int) -> None:
        self.calls.append(AskedBatch(trips))

    def asked_matrix(self, *, cells: int) -> None:
        self.calls.append(AskedMatrix(cells))

    def degraded(self, *, reason: str, trips: int) -> None:
        self.calls.append(Degraded(reason=reason, trips=trips))

    def pooled(self, state: PoolState, /) -> None:
        self.pool = state

    def dropped(self, signal: Signal, number: int, /) -> None:
        self.calls.append(Dropped(signal, number))

    def ran(self, run: Run, /, *, now: datetime) -> None:
        self.runs[run.kind] = (run, now)

    def exposition(self, accept: str = "", /) -> Exposition:
        stands = (self.serving, self.sync, self.spool, self.orphans, self.pool, self.runs)
        lines = (f"{fact!r}\n" for fact in (*stands, *self.calls))
        return Exposition(media_type="text/plain; charset=utf-8", text="".join(lines).encode())
