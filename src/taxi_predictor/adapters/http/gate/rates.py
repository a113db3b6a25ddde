"""How often one client may ask."""

import logging
import time

from taxi_predictor.domain.errors import TooManyRequests, Unavailable
from taxi_predictor.ports.outbound.limits import RateLimits

__all__ = ["Rates"]

log = logging.getLogger(__name__)

COMPLAIN_EVERY_S = 60.0


class Rates:
    """Asks the limits, and lets pass when they do not answer: an API does not stop for its counter."""

    def __init__(self) -> None:
        self._complain_at_s = 0.0

    async def check(self, limits: RateLimits, who: str) -> None:
        """Count a request of *who*.

        Raises:
            TooManyRequests: it is one too many; the error says how long to wait.
        """
        try:
            wait_s = await limits.take(who)
        except Unavailable as error:
            if time.monotonic() >= self._complain_at_s:
                self._complain_at_s = time.monotonic() + COMPLAIN_EVERY_S
                log.warning("limits.away", extra={"reason": str(error)})
            return
        if wait_s > 0:
            raise TooManyRequests("more requests than one client may send", retry_after_s=wait_s)
