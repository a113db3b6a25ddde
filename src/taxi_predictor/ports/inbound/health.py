"""Can this process answer, and are its neighbours there?"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from taxi_predictor.domain.errors import TaxiPredictorError
from taxi_predictor.domain.model import ModelVersion
from taxi_predictor.ports.outbound.models import ModelShelf

__all__ = ["Health", "Ping", "Readiness"]

Ping = Callable[[], Awaitable[None]]
"""Returns when a neighbour answers; raises Unavailable when it does not."""

PATIENCE_S = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Readiness:
    """Ready means: predictions are answered. A neighbour that is down does not change that."""

    is_ready: bool
    version: ModelVersion | None
    trouble: str | None
    neighbours: Mapping[str, str]
    """Name to ``ok`` or what is wrong."""


class Health:
    def __init__(self, *, shelf: ModelShelf, pings: Mapping[str, Ping]) -> None:
        self._shelf = shelf
        self._pings = pings

    async def readiness(self) -> Readiness:
        answers = await asyncio.gather(*map(_answer, self._pings.values()))
        neighbours = dict(zip(self._pings, answers, strict=True))
        try:
            version = self._shelf.champion().version
        except TaxiPredictorError as error:
            return Readiness(is_ready=False, version=None, trouble=str(error), neighbours=neighbours)
        return Readiness(is_ready=True, version=version, trouble=None, neighbours=neighbours)


async def _answer(ping: Ping) -> str:
    try:
        async with asyncio.timeout(PATIENCE_S):
            await ping()
    except TimeoutError:
        return f"no answer within {PATIENCE_S:g} s"
    except TaxiPredictorError as error:
        return str(error)
    return "ok"
