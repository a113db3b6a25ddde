"""What a monitor tells, as values that a test can compare, and turns among the users of one object."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from taxi_predictor.domain.live import LiveReport
from taxi_predictor.ports.outbound.monitoring import MonitorTelemetry, Retrained, Turns
from taxi_predictor.ports.outbound.telemetry import Exposition, Figures

__all__ = ["MemoryTurns", "RecordingMonitorTelemetry"]


class RecordingMonitorTelemetry(MonitorTelemetry, Figures):
    def __init__(self) -> None:
        self.report: LiveReport | None = None
        """What the last look found; None: nobody looked."""
        self.retrainings: list[Retrained] = []

    def looked(self, report: LiveReport, /) -> None:
        self.report = report

    def retrained(self, result: Retrained, /) -> None:
        self.retrainings.append(result)

    def exposition(self, accept: str = "", /) -> Exposition:
        text = f"{self.report!r}\n{self.retrainings!r}\n"
        return Exposition(media_type="text/plain; charset=utf-8", text=text.encode())


class MemoryTurns(Turns):
    def __init__(self) -> None:
        self._taken: set[str] = set()

    @asynccontextmanager
    async def take(self, name: str, /) -> AsyncIterator[bool]:
        if name in self._taken:
            yield False
            return
        self._taken.add(name)
        try:
            yield True
        finally:
            self._taken.remove(name)
