"""Adapters that break what Clock promises."""

from datetime import datetime, timedelta

from contract.breaking import breaks
from taxi_predictor.adapters.memory.clock import MemoryClock
from taxi_predictor.ports.testing.clock import ClockContract


@breaks(ClockContract, "test_it_tells_the_time_in_utc")
class HasNoZone(MemoryClock):
    def now(self) -> datetime:
        return super().now().replace(tzinfo=None)


@breaks(ClockContract, "test_it_never_goes_back")
class GoesBack(MemoryClock):
    def now(self) -> datetime:
        self._now -= timedelta(seconds=1)
        return self._now
