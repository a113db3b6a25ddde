"""Can this process answer, and are its neighbours there?"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace

from taxi_predictor.domain.errors import TaxiPredictorError
from taxi_predictor.ports.inbound.answers.ladder import Ladder
from taxi_predictor.ports.inbound.runs import RunBook
from taxi_predictor.ports.outbound.clock import Clock
from taxi_predictor.ports.outbound.shelf import ServedModel
from taxi_predictor.ports.outbound.sync import SyncNotes, SyncState
from taxi_predictor.ports.outbound.telemetry import LoadTelemetry, PoolState, Telemetry

__all__ = ["Health", "Ping", "Readiness"]

Ping = Callable[[], Awaitable[None]]
"""Returns when a neighbour answers; raises Unavailable when it does not."""

PATIENCE_S = 2.0
EVERY_S = 1.0
"""How often telemetry is told how things stand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Readiness:
    """Ready means: predictions are answered. A neighbour that is down does not change that."""

    served: ServedModel | None = None
    """Who answers; None: nobody does, or not for long."""
    trouble: str | None = None
    sync: SyncState | None = None
    """How the last look at the registry went, by whoever looks; None: nobody does."""
    is_stopping: bool = False
    """Predictions are still answered, but not for long."""
    neighbours: Mapping[str, str] = field(default_factory=dict)
    """Name to ``ok`` or what is wrong."""

    @property
    def is_ready(self) -> bool:
        return self.served is not None


class Health:
    def __init__(
        self,
        *,
        ladder: Ladder,
        notes: SyncNotes,
        clock: Clock,
        telemetry: Telemetry,
        pings: Mapping[str, Ping],
        load_telemetry: LoadTelemetry,
        runs: RunBook,
        pool_state: Callable[[], PoolState] | None = None,
    ) -> None:
        self._ladder = ladder
        self._notes = notes
        self._clock = clock
        self._telemetry = telemetry
        self._pings = pings
        self._load_telemetry = load_telemetry
        self._runs = runs
        self._pool_state = pool_state
        self._is_stopping = False

    def warm_up(self) -> None:
        """Have somebody ready to answer, or the first caller would wait for that.

        Without anybody nothing happens, and :meth:`readiness` says why.
        """
        with suppress(TaxiPredictorError):
            self._ladder.refresh()

    @property
    def is_stopping(self) -> bool:
        return self._is_stopping

    def stop(self) -> None:
        """Say from now on that the service is not ready: it still answers, but not for long."""
        self._is_stopping = True
        self.standing()  # which tells telemetry

    async def follow(self) -> None:
        """Tell telemetry for ever how things stand, so that its figures are of now."""
        while True:
            self.standing()
            self._runs.tell()
            if self._pool_state is not None:
                self._load_telemetry.pooled(self._pool_state())
            await asyncio.sleep(EVERY_S)

    async def readiness(self) -> Readiness:
        """How things stand; telemetry is told too."""
        standing = self.standing()
        if self._is_stopping:
            return standing  # at once: nobody waits for neighbours now
        answers = await asyncio.gather(*map(_answer, self._pings.values()))
        return replace(standing, neighbours=dict(zip(self._pings, answers, strict=True)))

    def standing(self) -> Readiness:
        """As :meth:`readiness`, but no neighbour is asked."""
        readiness = self._standing()
        if readiness.sync is not None:
            self._telemetry.synced(readiness.sync, now=self._clock.now())
        served = readiness.served
        if served is None:
            self._telemetry.ready(None)
        else:
            self._telemetry.ready(served.source, version=served.version)
        return readiness

    def _standing(self) -> Readiness:
        if self._is_stopping:
            return Readiness(trouble="the service is stopping", is_stopping=True)
        try:
            return Readiness(served=self._ladder.serving(), sync=self._notes.last())
        except TaxiPredictorError as error:
            return Readiness(trouble=str(error), sync=self._notes.last())


async def _answer(ping: Ping) -> str:
    try:
        async with asyncio.timeout(PATIENCE_S):
            await ping()
    except TimeoutError:
        return f"no answer within {PATIENCE_S:g} s"
    except TaxiPredictorError as error:
        return str(error)
    return "ok"
