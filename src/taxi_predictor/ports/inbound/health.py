"""Can this process answer, and are its neighbours there?"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from taxi_predictor.domain.errors import TaxiPredictorError
from taxi_predictor.domain.model import ModelVersion
from taxi_predictor.ports.outbound.models import ModelShelf

__all__ = ["Health", "Ping", "Readiness"]

Ping = Callable[[], Awaitable[None]]
"""Returns when a neighbour answers; raises Unavailable when it does not."""


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
        neighbours = {name: await _answer(ping) for name, ping in self._pings.items()}
        try:
            version = self._shelf.champion().version
        except TaxiPredictorError as error:
            return Readiness(is_ready=False, version=None, trouble=str(error), neighbours=neighbours)
        return Readiness(is_ready=True, version=version, trouble=None, neighbours=neighbours)


async def _answer(ping: Ping) -> str:
    try:
        await ping()
    except TaxiPredictorError as error:
        return str(error)
    return "ok"
