"""The contract of Clock."""

from abc import abstractmethod
from contextlib import AbstractAsyncContextManager
from datetime import timedelta

from taxi_predictor.ports.outbound.clock import Clock
from taxi_predictor.ports.testing.contract import Contract

__all__ = ["ClockContract"]


class ClockContract(Contract, of=Clock):
    @abstractmethod
    def open(self) -> AbstractAsyncContextManager[Clock]:
        """A clock."""

    async def test_it_tells_the_time_in_utc(self) -> None:
        """An aware time, with no offset."""
        async with self.open() as clock:
            assert clock.now().utcoffset() == timedelta(0)

    async def test_it_never_goes_back(self) -> None:
        """Of two readings the second is not the earlier."""
        async with self.open() as clock:
            readings = [clock.now() for _ in range(1_000)]
            assert readings == sorted(readings)
