"""Can this process answer, and are its neighbours there?"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace

from taxi_predictor.domain.errors import TaxiPredictorError
from taxi_predictor.domain.model import ModelVersion
from taxi_predictor.domain.place import Place
from taxi_predictor.domain.trip import TripPlan
from taxi_predictor.ports.outbound.models import ModelShelf
from taxi_predictor.ports.outbound.telemetry import Telemetry

__all__ = ["Health", "Ping", "Readiness"]

Ping = Callable[[], Awaitable[None]]
"""Returns when a neighbour answers; raises Unavailable when it does not."""

PATIENCE_S = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Readiness:
    """Ready means: predictions are answered. A neighbour that is down does not change that."""

    is_ready: bool
    version: ModelVersion | None = None
    trouble: str | None = None
    is_stopping: bool = False
    """Predictions are still answered, but not for long."""
    neighbours: Mapping[str, str] = field(default_factory=dict)
    """Name to ``ok`` or what is wrong."""


class Health:
    def __init__(self, *, shelf: ModelShelf, telemetry: Telemetry, pings: Mapping[str, Ping]) -> None:
        self._shelf = shelf
        self._telemetry = telemetry
        self._pings = pings
        self._is_stopping = False

    def warm_up(self) -> None:
        """Load the champion and let it answer once, or the first caller would wait for that.

        Without a champion nothing happens, and :meth:`readiness` says why.
        """
        with suppress(TaxiPredictorError):
            model = self._shelf.champion().model
            centre = Place(model.manifest.city.bounds.centre)
            model.estimate([TripPlan(pickup=centre, dropoff=centre, pickup_at=model.manifest.created_at)])

    @property
    def is_stopping(self) -> bool:
        return self._is_stopping

    def stop(self) -> None:
        """Say from now on that the service is not ready: it still answers, but not for long."""
        self._is_stopping = True

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
        self._telemetry.ready(readiness.version)
        return readiness

    def _standing(self) -> Readiness:
        if self._is_stopping:
            return Readiness(is_ready=False, trouble="the service is stopping", is_stopping=True)
        try:
            return Readiness(is_ready=True, version=self._shelf.champion().version)
        except TaxiPredictorError as error:
            return Readiness(is_ready=False, trouble=str(error))


async def _answer(ping: Ping) -> str:
    try:
        async with asyncio.timeout(PATIENCE_S):
            await ping()
    except TimeoutError:
        return f"no answer within {PATIENCE_S:g} s"
    except TaxiPredictorError as error:
        return str(error)
    return "ok"
