"""How the process that serves tells its workers that the service is about to stop."""

import asyncio
import os
import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress

__all__ = ["announce_stop", "heeding_stop", "ignore_stop"]

STOP_SOON = signal.SIGUSR1
"""Says: go on answering, but no longer say that you are ready. SIGTERM follows when it is time to go."""


def ignore_stop() -> None:
    """Let a child that does not listen yet live on when it is told."""
    signal.signal(STOP_SOON, signal.SIG_IGN)


def announce_stop(workers: Iterable[int]) -> None:
    """Tell the processes *workers*."""
    for worker in workers:
        with suppress(ProcessLookupError):
            os.kill(worker, STOP_SOON)


@contextmanager
def heeding_stop(stop: Callable[[], None]) -> Iterator[None]:
    """Call *stop* in the running event loop, that of the main thread, when the stop is announced."""
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(STOP_SOON, stop)
    try:
        yield
    finally:
        loop.remove_signal_handler(STOP_SOON)
        ignore_stop()
