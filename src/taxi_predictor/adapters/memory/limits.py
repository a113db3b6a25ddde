"""Rate limits that are counted in this process."""

from collections import OrderedDict, deque
from datetime import datetime, timedelta

from taxi_predictor.ports.outbound.clock import Clock
from taxi_predictor.ports.outbound.limits import WINDOW_S, RateLimits

__all__ = ["MemoryRateLimits"]


class MemoryRateLimits(RateLimits):
    """Remembers when each of the last *at_most* requests was admitted.

    Who was not admitted for a whole window is forgotten, so it holds one instant for each request of
    the last window, however many there are who ask.
    """

    def __init__(self, *, at_most: int, clock: Clock) -> None:
        self._at_most = at_most
        self._window = timedelta(seconds=WINDOW_S)
        self._clock = clock
        self._admitted: OrderedDict[str, deque[datetime]] = OrderedDict()
        """Who was admitted last stands last."""

    async def take(self, who: str, /) -> float:
        now = self._clock.now()
        self._forget_until(now - self._window)
        admitted = self._admitted.setdefault(who, deque(maxlen=self._at_most))
        if len(admitted) == self._at_most and admitted[0] > now - self._window:
            return (admitted[0] + self._window - now).total_seconds()
        admitted.append(now)
        self._admitted.move_to_end(who)
        return 0.0

    def _forget_until(self, then: datetime) -> None:
        while self._admitted and next(iter(self._admitted.values()))[-1] <= then:
            self._admitted.popitem(last=False)

    def __len__(self) -> int:
        """Of how many it knows."""
        return len(self._admitted)
