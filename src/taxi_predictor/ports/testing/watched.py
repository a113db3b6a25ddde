"""A service that is watched, as a test lets it do something."""

from abc import abstractmethod
from dataclasses import dataclass
from typing import Literal, Protocol

from taxi_predictor.domain.model import ModelVersion
from taxi_predictor.domain.record import AnswerSource
from taxi_predictor.ports.outbound.monitoring import MonitorTelemetry
from taxi_predictor.ports.outbound.telemetry import LoadTelemetry, Telemetry

__all__ = ["ASKED", "FAST_S", "VERSION", "ApiTelemetry", "Day", "Part", "WatchedService"]

Part = Literal["api", "monitor"]
VERSION = ModelVersion(7)
"""Which answers."""
ASKED = "/v1/predictions"
FAST_S = 0.003


class ApiTelemetry(Telemetry, LoadTelemetry, Protocol):
    """Takes in what the API does."""


class WatchedService(Protocol):
    """A service that is watched, as a test lets it do something."""

    @property
    def telemetry(self) -> ApiTelemetry: ...

    @property
    def monitor(self) -> MonitorTelemetry: ...

    @abstractmethod
    async def seen(self) -> None:
        """Return when whoever watches can have seen all that was told so far; some time has passed."""
        ...

    @abstractmethod
    async def stop(self, part: Part) -> None:
        """That part does not answer from now on."""
        ...

    @abstractmethod
    async def start(self, part: Part) -> None:
        """It does again, and counts on."""
        ...


@dataclass(frozen=True, slots=True)
class Day:
    """What callers ask, again and again."""

    service: WatchedService

    def ask(self, *, failed: int = 0, well: int = 0, refused: int = 0, elapsed_s: float = FAST_S) -> None:
        for status, count in ((503, failed), (200, well), (422, refused)):
            for _ in range(count):
                self.service.telemetry.answered(
                    method="POST", route=ASKED, status=status, elapsed_s=elapsed_s
                )

    def probe(self) -> None:
        for route in ("/health/ready", "/v2/health/live", "/schema/openapi.json", "unknown"):
            self.service.telemetry.answered(method="GET", route=route, status=500, elapsed_s=9.0)

    def predict(self, trips: int, *, degraded: int = 0) -> None:
        self.service.telemetry.predicted(
            version=VERSION, source=AnswerSource.CHAMPION, trips=trips, elapsed_s=FAST_S
        )
        if degraded:
            self.service.telemetry.degraded(reason="no-level", trips=degraded)
