"""Shipping predictions from this machine's spool to the log that all machines share."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Protocol, TypeVar

from taxi_predictor.domain.errors import Invalid, Unavailable
from taxi_predictor.ports.outbound.clock import Clock
from taxi_predictor.ports.outbound.predictions import PredictionLog
from taxi_predictor.ports.outbound.spool import PredictionSpool, SpoolPart, SpoolState
from taxi_predictor.ports.outbound.telemetry import LogTelemetry

__all__ = ["SpoolHandover", "SpoolKeeping", "SpoolShipping"]

log = logging.getLogger(__name__)

T = TypeVar("T")

EVERY_S = 1.0
LONGEST_PAUSE_S = 10.0
LAST_WORDS_S = 3.0


class SpoolKeeping(Protocol):
    """What a process that appends to the spool does for its records to reach the log."""

    async def follow(self) -> None:
        """For ever."""
        ...

    async def close(self) -> None:
        """At the end."""
        ...


class SpoolHandover(SpoolKeeping):
    """For a process beside another one that ships: it only appends, and hands over what it appended."""

    def __init__(self, *, spool: PredictionSpool, clock: Clock, telemetry: LogTelemetry) -> None:
        self._spool = spool
        self._clock = clock
        self._telemetry = telemetry

    async def follow(self) -> None:
        while True:
            with suppress(Unavailable):
                self._telemetry.spooled(await asyncio.to_thread(self._handed_over), now=self._clock.now())
            await asyncio.sleep(EVERY_S)

    def _handed_over(self) -> SpoolState:
        self._spool.hand_over()
        return self._spool.state()

    async def close(self) -> None:
        self._spool.close()


class SpoolShipping(SpoolKeeping):
    """Empties the spool: what this process appended, and what others handed over or left behind."""

    def __init__(
        self, *, spool: PredictionSpool, log: PredictionLog, clock: Clock, telemetry: LogTelemetry
    ) -> None:
        self._spool = spool
        self._clock = clock
        self._log = log
        self._telemetry = telemetry

    async def ship(self) -> int:
        """Bring to the log what can be taken now, and return how many records that were.

        What comes meanwhile is for the next time. A record that is already there, as its process ended
        between the two steps of an earlier shipment, is not added again. A part that the log refuses is
        set aside, for others wait behind it.

        Raises:
            Unavailable: the log does not answer; what is not there stays in the spool.
        """
        shipped = 0
        while part := await self._take():
            try:
                shipped += await self._ship(part)
            except Invalid as error:
                log.exception("spool.refused", extra={"reason": str(error)})
                await uninterrupted(part.set_aside)
            finally:
                part.put_back()
            if part.is_latest:
                break
        return shipped

    async def _take(self) -> SpoolPart | None:
        taking = asyncio.create_task(asyncio.to_thread(self._spool.take))
        try:
            return await asyncio.shield(taking)
        except asyncio.CancelledError:
            if part := await taking:  # nobody else would ever give it back
                part.put_back()
            raise

    async def _ship(self, part: SpoolPart) -> int:
        groups, shipped = part.records(), 0
        while records := await uninterrupted(partial(next, groups, None)):
            await self._log.add(records)
            shipped += len(records)
            self._telemetry.shipped(len(records))
        await uninterrupted(part.remove)
        return shipped

    async def follow(self) -> None:
        """Ship for ever; while the log is away, ask for it less and less often."""
        pause_s = EVERY_S
        while True:
            try:
                await asyncio.to_thread(self._spool.hand_over)
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
        try:
            async with asyncio.timeout(LAST_WORDS_S):
                await self.ship()
        except Exception:
            log.warning("spool.left", exc_info=True)  # the next to start ships it
        finally:
            self._spool.close()


async def uninterrupted(function: Callable[[], T]) -> T:
    """Do *function* in a thread, to its end: nobody may put a part back that a thread still works on."""
    doing = asyncio.create_task(asyncio.to_thread(function))
    try:
        return await asyncio.shield(doing)
    except asyncio.CancelledError:
        await asyncio.wait({doing})
        raise
