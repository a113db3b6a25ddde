"""How is the service doing? Asked all day, and by many at once."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from time import monotonic
from typing import Any, TypeVar

from taxi_predictor.domain.errors import TaxiPredictorError, Unavailable
from taxi_predictor.domain.signals import Alarm, Lately, LiveQuality, PartState, ServiceLoad
from taxi_predictor.ports.outbound.signals import ServiceSignals

__all__ = ["Watching"]

FRESH_S = 1.0
"""An answer this fresh is shared: many look at once, and the service is asked once."""
FOLLOWED_EVERY_S = 5.0
T = TypeVar("T")


class Watching:
    """All raise Unavailable as :class:`~taxi_predictor.ports.outbound.signals.ServiceSignals` does.

    Args:
        signals: None: no service is seen from here.
    """

    def __init__(self, *, signals: ServiceSignals | None) -> None:
        self._signals = signals
        self._asked: dict[str, tuple[float, asyncio.Task[Any]]] = {}

    async def load(self) -> ServiceLoad:
        return await self._shared("load", lambda signals: signals.load())

    async def course(self) -> Sequence[Lately]:
        return await self._shared("course", lambda signals: signals.course())

    async def quality(self) -> LiveQuality | None:
        return await self._shared("quality", lambda signals: signals.quality())

    async def alarms(self) -> Sequence[Alarm]:
        return await self._shared("alarms", lambda signals: signals.alarms())

    async def parts(self) -> Sequence[PartState]:
        return await self._shared("parts", lambda signals: signals.parts())

    async def follow(self) -> None:
        """Look for ever, so that whoever comes later sees what was before; troubles are waited out."""
        while self._signals is not None:
            with suppress(TaxiPredictorError):
                await self.load()
            await asyncio.sleep(FOLLOWED_EVERY_S)

    async def _shared(self, name: str, question: Callable[[ServiceSignals], Coroutine[Any, Any, T]]) -> T:
        """The answer to *question*, which others may have just asked, or be waiting for."""
        if self._signals is None:
            raise Unavailable(
                "no service is watched: set TAXI_METRICS_PORT, or name a Prometheus in TAXI_PROMETHEUS_URL"
            )
        asked_s, asking = self._asked.get(name, (0.0, None))
        if asking is None or (asking.done() and monotonic() - asked_s >= FRESH_S):
            asking = asyncio.create_task(question(self._signals))
            asking.add_done_callback(_hear)
            self._asked[name] = (monotonic(), asking)
        answer: T = await asyncio.shield(asking)  # who gives up ends it for nobody else
        return answer


def _hear(asking: "asyncio.Task[Any]") -> None:
    """Nobody may be left who waits for it."""
    if not asking.cancelled():
        asking.exception()
