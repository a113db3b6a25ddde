"""The process beside the workers, which does for all of them what is to be done once on a machine.

It ships what the workers answered, follows the registry, makes trips of outcomes, lets a challenger score
what was answered, and lets jobs be done. Run as ``python -m taxi_predictor.apps.processes.followers PID``;
services start it by themselves, with their own process, and it ends with that one.
"""

import asyncio
import fcntl
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from taxi_predictor.adapters.process.garbage import leave_all_at_exit
from taxi_predictor.apps.container import open_container
from taxi_predictor.apps.environment import load_settings
from taxi_predictor.apps.logs import write_logs
from taxi_predictor.apps.processes.lifetimes import end_with
from taxi_predictor.apps.settings import Settings
from taxi_predictor.ports.inbound.followers import following

__all__ = ["follow", "main"]

LOOK_S = 1.0
NICENESS = 10
"""Whoever answers goes first."""


async def follow(settings: Settings) -> None:
    """Do all of that for ever, once nobody else does for the same home."""
    async with _alone(settings.home / "sync.lock"), open_container(settings) as container:
        try:
            async with following(
                container.shipping.follow,
                container.sync.follow,
                container.outcome_intake.follow,
                container.shadowing.follow,
                container.job_work.follow_here,
            ):
                await asyncio.Event().wait()
        finally:
            await container.shipping.close()


@asynccontextmanager
async def _alone(path: Path) -> AsyncIterator[None]:
    """Wait until no other process is in here; the system lets the next one in when one dies."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fd = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        while True:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                await asyncio.sleep(LOOK_S)
            else:
                break
        yield
    finally:
        os.close(fd)


async def _until_told_to_stop(settings: Settings) -> None:
    loop = asyncio.get_running_loop()
    following = asyncio.create_task(follow(settings))
    for stop in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(stop, following.cancel)
    with suppress(asyncio.CancelledError):
        await following


def main(parent: str) -> None:
    leave_all_at_exit()
    settings = load_settings()
    write_logs(settings.log_format)
    os.nice(NICENESS)
    end_with(int(parent))
    asyncio.run(_until_told_to_stop(settings))


if __name__ == "__main__":
    main(*sys.argv[1:])
