"""The clock of this machine."""

from datetime import UTC, datetime

from taxi_predictor.ports.outbound.clock import Clock

__all__ = ["SystemClock"]


class SystemClock(Clock):
    """Never goes back: while the machine's clock is set back it stands still."""

    def __init__(self) -> None:
        self._latest = datetime.now(UTC)

    def now(self) -> datetime:
        self._latest = max(self._latest, datetime.now(UTC))
        return self._latest
