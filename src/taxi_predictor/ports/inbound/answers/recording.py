"""Keeping what is answered, before it is answered."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import NamedTuple, Protocol

from taxi_predictor.domain.errors import Unavailable
from taxi_predictor.domain.prediction_id import PredictionId, new_prediction_id
from taxi_predictor.domain.record import PredictionRecord
from taxi_predictor.ports.inbound.answers.prediction import Prediction
from taxi_predictor.ports.outbound.clock import Clock
from taxi_predictor.ports.outbound.predictions import PredictionLog
from taxi_predictor.ports.outbound.spool import PredictionSpool
from taxi_predictor.ports.outbound.telemetry import LogTelemetry
from taxi_predictor.ports.outbound.watch import timed

__all__ = ["Asker", "GroupCommit", "Kept", "PredictionRecording", "Recorder", "SpoolRecorder", "Unlogged"]

PATIENCE_S = 2.0
"""How long an answer waits for the log, where it has to be there first."""
PAUSE = timedelta(seconds=1)
"""After a log did not answer, nobody waits for it for this long."""


class Unlogged(StrEnum):
    """What becomes of an answer that cannot be kept."""

    ANSWER = "answer"
    """It is given, and says so."""
    REFUSE = "refuse"


class Recorder(Protocol):
    """A way to keep records before they are answered: it is for the use case below alone."""

    async def keep(self, records: Sequence[PredictionRecord], /) -> None:
        """When it returns, *records* will be in the log, or are.

        Raises:
            Unavailable: they may or may not.
        """
        ...


class Asker(NamedTuple):
    """Who asks: the name of a key, and what its owner calls the rider or the order."""

    owner: str
    reference: str | None = None


@dataclass(frozen=True, slots=True)
class Kept:
    """The names of predictions, and whether the log will know them."""

    prediction_ids: Sequence[PredictionId]
    is_logged: bool


class PredictionRecording:
    """Names every prediction and keeps it.

    Args:
        recorder: None: nothing is kept.
    """

    def __init__(
        self, *, recorder: Recorder | None, unlogged: Unlogged, clock: Clock, telemetry: LogTelemetry
    ) -> None:
        self._recorder = recorder
        self._unlogged = unlogged
        self._clock = clock
        self._telemetry = telemetry

    async def keep(self, predictions: Sequence[Prediction], *, askers: Sequence[Asker]) -> Kept:
        """Keep *predictions*, each of which is about to be answered to its asker.

        Raises:
            Unavailable: they cannot be kept, and are not to be answered then.
        """
        now = self._clock.now()
        ids = [new_prediction_id(now) for _ in predictions]
        if self._recorder is None:
            return Kept(ids, is_logged=False)
        records = [
            _record(prediction_id, prediction, asker)
            for prediction_id, prediction, asker in zip(ids, predictions, askers, strict=True)
        ]
        try:
            with timed("log"):
                await self._recorder.keep(records)
        except Unavailable:
            self._telemetry.unlogged(len(records))
            if self._unlogged is Unlogged.REFUSE:
                raise
            return Kept(ids, is_logged=False)
        self._telemetry.logged(len(records))
        return Kept(ids, is_logged=True)


def _record(prediction_id: PredictionId, prediction: Prediction, asker: Asker) -> PredictionRecord:
    return PredictionRecord(
        prediction_id=prediction_id,
        plan=prediction.plan,
        mu=prediction.distribution.mu,
        sigma=prediction.distribution.sigma,
        duration_s=prediction.duration_s,
        lower_s=prediction.lower_s,
        upper_s=prediction.upper_s,
        version=prediction.served.version,
        source=prediction.served.source,
        level_factor=prediction.level_factor,
        degraded=prediction.degraded,
        owner=asker.owner,
        reference=asker.reference,
    )


class SpoolRecorder(Recorder):
    """Keeps records on this machine, from where they are shipped: the answer waits for no network."""

    def __init__(self, spool: PredictionSpool) -> None:
        self._spool = spool

    async def keep(self, records: Sequence[PredictionRecord], /) -> None:
        self._spool.append(records)


class GroupCommit(Recorder):
    """Keeps records in the log itself: all that come while one commit is under way go with the next.

    For places where no disk outlives the process.
    """

    def __init__(self, log: PredictionLog, clock: Clock) -> None:
        self._log = log
        self._clock = clock
        self._waiting: list[PredictionRecord] = []
        self._next: asyncio.Task[None] | None = None
        self._turn = asyncio.Lock()
        self._not_before = clock.now()

    async def keep(self, records: Sequence[PredictionRecord], /) -> None:
        if self._clock.now() < self._not_before:
            raise Unavailable("the prediction log did not answer a moment ago")
        self._waiting += records
        if self._next is None:
            self._next = asyncio.create_task(self._commit())
            self._next.add_done_callback(_heard)
        try:
            async with asyncio.timeout(PATIENCE_S):
                # Others wait for the same commit: one that gives up must not take it from them.
                await asyncio.shield(self._next)
        except TimeoutError as error:
            self._pause()
            raise Unavailable(f"the prediction log did not answer within {PATIENCE_S:g} s") from error

    async def _commit(self) -> None:
        async with self._turn:
            records, self._waiting, self._next = self._waiting, [], None
            try:
                await self._log.add(records)
            except Unavailable:
                self._pause()
                raise

    def _pause(self) -> None:
        self._not_before = self._clock.now() + PAUSE


def _heard(commit: asyncio.Task[None]) -> None:
    """Take note of its error, which asyncio would otherwise complain about if all who waited gave up."""
    if not commit.cancelled():
        commit.exception()
