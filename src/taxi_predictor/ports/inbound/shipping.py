"""What waits on this machine goes to the log that all share."""

import asyncio
import logging
from contextlib import suppress

from taxi_predictor.domain.errors import Unavailable
from taxi_predictor.ports.outbound.clock import Clock
from taxi_predictor.ports.outbound.predictions import PredictionLog, PredictionSpool, SpoolPart
from taxi_predictor.ports.outbound.telemetry import LogTelemetry

__all__ = ["SpoolShipping"]

log = logging.getLogger(__name__)

EVERY_S = 1.0
LONGEST_PAUSE_S = 10.0
LAST_WORDS_S = 3.0


class SpoolShipping:
    """Empties the spool: what this process appended, and what processes left behind that are no more."""

    def __init__(
        self, *, spool: PredictionSpool, log: PredictionLog, clock: Clock, telemetry: LogTelemetry
    ) -> None:
        self._spool = spool
        self._clock = clock
        self._log = log
        self._telemetry = telemetry

    async def ship(self) -> int:
        """Bring to the log all that can be taken now, and return how many records that were.

        A record that is already there, as its process ended between the two steps of an earlier
        shipment, is not added again.

        Raises:
            Unavailable: the log does not answer; what is not there stays in the spool.
        """
        shipped = 0
        while part := await asyncio.to_thread(self._spool.take):
            try:
                shipped += await self._ship(part)
            finally:
                part.put_back()
        return shipped

    async def _ship(self, part: SpoolPart) -> int:
        groups, shipped = part.records(), 0
        while records := await asyncio.to_thread(next, groups, None):
            await self._log.add(records)
            shipped += len(records)
            self._telemetry.shipped(len(records))
        await asyncio.to_thread(part.remove)
        return shipped

    async def follow(self) -> None:
        """Ship for ever; while the log is away, ask for it less and less often."""
        pause_s = EVERY_S
        while True:
            try:
                await asyncio.to_thread(self._spool.sync)
                await self.ship()
            except Exception as error:  # whatever it is, what comes later must not wait for ever
                if pause_s == EVERY_S:
                    # One that is no trouble of the outside is ours, and is to be seen whole.
                    trouble = None if isinstance(error, Unavailable) else error
                    log.warning("spool.waits", extra={"reason": str(error)}, exc_info=trouble)
                pause_s = min(pause_s * 2, LONGEST_PAUSE_S)
            else:
                pause_s = EVERY_S
            with suppress(Unavailable):
                self._telemetry.spooled(await asyncio.to_thread(self._spool.state), now=self._clock.now())
            await asyncio.sleep(pause_s)

    async def close(self) -> None:
        """Ship what is left as long as that takes moments; the next to start ships the rest."""
        with suppress(Unavailable, TimeoutError):
            async with asyncio.timeout(LAST_WORDS_S):
                await self.ship()
        self._spool.close()
