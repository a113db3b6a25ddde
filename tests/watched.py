"""A service that tests let do something, and that somebody watches: in memory, or by its figures."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from datetime import timedelta

from prometheus_client import CollectorRegistry

from local_ports import free_port
from taxi_predictor.adapters.memory.clock import MemoryClock
from taxi_predictor.adapters.memory.monitoring import RecordingMonitorTelemetry
from taxi_predictor.adapters.memory.signals import MemoryServiceSignals
from taxi_predictor.adapters.memory.telemetry import RecordingTelemetry
from taxi_predictor.adapters.prometheus.monitor import PrometheusMonitorTelemetry
from taxi_predictor.adapters.prometheus.server import served_figures
from taxi_predictor.adapters.prometheus.telemetry import PrometheusTelemetry
from taxi_predictor.domain.record import AnswerSource
from taxi_predictor.ports.testing.samples import NOON
from taxi_predictor.ports.testing.watched import VERSION

__all__ = ["Remembered", "Served"]


class Remembered:
    """A service in memory, where time passes when it is to be seen."""

    def __init__(self, kind: type[MemoryServiceSignals] = MemoryServiceSignals) -> None:
        self.telemetry, self.monitor = RecordingTelemetry(), RecordingMonitorTelemetry()
        self.telemetry.ready(AnswerSource.CHAMPION, version=VERSION)
        self._clock = MemoryClock(NOON)
        self.signals = kind(self.telemetry, self.monitor, self._clock)

    async def seen(self) -> None:
        self._clock.advance(timedelta(seconds=10))

    async def stop(self, part: str) -> None:
        self.signals.away.add(part)

    async def start(self, part: str) -> None:
        self.signals.away.discard(part)


class Served:
    """A service whose figures are served over HTTP, each part at a port of its own."""

    def __init__(self) -> None:
        self.telemetry = PrometheusTelemetry(CollectorRegistry())
        self.monitor = PrometheusMonitorTelemetry(CollectorRegistry())
        self.telemetry.ready(AnswerSource.CHAMPION, version=VERSION)
        self.ports = {"api": free_port(), "monitor": free_port()}
        self.serving: dict[str, ExitStack] = {}

    def url(self, part: str) -> str:
        return f"http://127.0.0.1:{self.ports[part]}"

    async def seen(self) -> None:
        await asyncio.sleep(0.01)

    async def start(self, part: str) -> None:
        figures = {"api": self.telemetry, "monitor": self.monitor}[part]
        stack = self.serving[part] = ExitStack()
        stack.enter_context(served_figures(figures, host="127.0.0.1", port=self.ports[part], setting="-"))

    async def stop(self, part: str) -> None:
        await asyncio.to_thread(self.serving.pop(part).close)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        for part in self.ports:
            await self.start(part)
        try:
            yield
        finally:
            for part in list(self.serving):
                await self.stop(part)
