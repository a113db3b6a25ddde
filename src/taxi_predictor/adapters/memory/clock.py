"""A clock that stands still until it is told to go on."""

from datetime import UTC, datetime, timedelta

from taxi_predictor.ports.outbound.clock import Clock

__all__ = ["MemoryClock"]


class MemoryClock(Clock):
    def __init__(self, now: datetime) -> None:
        if now.utcoffset() is None:
            raise ValueError("a clock needs an aware time: without a zone it names no instant")
        self._now = now.astimezone(UTC)

    def now(self) -> datetime:
        return self._now

    def advance(self, by: timedelta) -> None:
        """Let *by* pass; time does not run backwards."""
        if by < timedelta():
            raise ValueError(f"a clock is never set back, got {by}")
        self._now += by
