"""The process that serves: it starts the workers, and stops them so that no request is lost.

Run as ``python -m taxi_predictor.apps.processes.server``. It loads granian and the settings and nothing more:
a process that has trees and frames loaded must not fork, for their threads do not come along, and the
worker waits for them for ever.
"""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from tempfile import TemporaryDirectory
from threading import Event
from typing import Any

from granian.constants import Interfaces, Loops
from granian.log import LogLevels
from granian.server.mp import MPServer

from taxi_predictor.adapters.process.command import command_of
from taxi_predictor.adapters.process.garbage import nothing_collected
from taxi_predictor.apps.environment import load_settings
from taxi_predictor.apps.logs import write_logs
from taxi_predictor.apps.processes.draining import announce_stop, ignore_stop
from taxi_predictor.apps.processes.lifetimes import accompanied, end_with
from taxi_predictor.apps.settings import Settings

__all__ = ["DrainingServer", "main"]

STOP = frozenset({signal.SIGTERM, signal.SIGINT})
NOT_NEEDED = "pydantic"
"""Litestar makes itself ready for its types where it is installed, as it is with a client of the registry."""


class DrainingServer(MPServer):
    """On the first signal to stop it drains; the second one does not wait for anybody.

    While it drains the workers answer as ever, but for readiness: time for a balancer to turn elsewhere.
    Then no connection is taken any more, what is in flight is finished, and the workers end.
    """

    def __init__(self, application: str, settings: Settings) -> None:
        super().__init__(
            application,
            address=settings.api_host,
            port=settings.api_port,
            interface=Interfaces.ASGI,
            loop=Loops.uvloop,  # a tenth less for each answer
            workers=settings.api_workers,
            websockets=False,
            log_level=LogLevels.warning,
            log_dictconfig={"loggers": {"_granian": {"handlers": [], "propagate": True}}},
            respawn_failed_workers=True,
        )
        self._drain_s = settings.api_drain_s
        self._hurry = Event()

    @property
    def was_hurried(self) -> bool:
        return self._hurry.is_set()

    def signal_handler_interrupt(self, *args: Any, **kwargs: Any) -> None:
        if self.interrupt_signal:
            self._hurry.set()
            for worker in self.wrks:
                worker.kill()  # type: ignore[no-untyped-call]
        super().signal_handler_interrupt(*args, **kwargs)  # type: ignore[no-untyped-call]

    def shutdown(self, exit_code: int = 0) -> None:
        announce_stop(worker.inner.pid for worker in self.wrks)
        self._hurry.wait(self._drain_s)
        super().shutdown(exit_code)  # type: ignore[no-untyped-call]


def main(application: str = "taxi_predictor.apps.api:create") -> None:
    """Serve until told to stop, by the environment's settings; exit with 1 if that had to be hurried.

    *application* is ``module:function``, where the function builds it, in each worker.
    """
    settings = load_settings()
    write_logs(settings.log_format)
    ignore_stop()
    os.register_at_fork(
        before=partial(signal.pthread_sigmask, signal.SIG_BLOCK, STOP),
        after_in_parent=partial(signal.pthread_sigmask, signal.SIG_UNBLOCK, STOP),
        after_in_child=partial(_be_a_worker, os.getpid()),
    )
    with _figures(settings), _accompanied(settings):
        server = DrainingServer(application, settings)
        server.serve(target_loader=_build)
        if server.was_hurried:
            sys.exit(1)


def _be_a_worker(parent: int) -> None:
    """Be told to stop by *parent* alone, from the first moment of a fork on, and end where it was killed."""
    for stop in STOP:
        signal.signal(stop, signal.SIG_DFL)  # the parent's handlers would swallow it here
    # What was said since the fork began is heard now.
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP)
    os.setpgrp()  # a Ctrl-C reaches all of the terminal's group, and nobody would drain
    end_with(parent)


def _build(application: str) -> Callable[..., Any]:
    """Build the application, in the worker."""
    module, _, function = application.partition(":")
    # A twentieth of the start, and 8 MB, for what no body is made of; no worker talks to the registry itself.
    sys.modules.setdefault(NOT_NEEDED, None)  # type: ignore[arg-type] # how Python says that there is none
    with nothing_collected():
        built: Callable[..., Any] = getattr(import_module(module), function)()
    return built


@contextmanager
def _accompanied(settings: Settings) -> Iterator[None]:
    """Beside a process that does what is to be done once for all workers."""
    if not _has_companion(settings):
        yield
        return
    os.environ["TAXI_ACCOMPANIED"] = "true"  # a setting of the workers
    with accompanied(command_of("taxi_predictor.apps.processes.followers", str(os.getpid()))):
        yield


def _has_companion(settings: Settings) -> bool:
    """Unless it would have nothing to do, or each process has a memory of its own."""
    return settings.profile != "memory" and bool(
        settings.prediction_log == "spool"
        or settings.model_sync_every_s
        or settings.outcomes_every_s
        or settings.shadow_share
        or settings.jobs_max_bytes
    )


@contextmanager
def _figures(settings: Settings) -> Iterator[None]:
    """A folder where all processes count together, and one that tells the sums, unless nobody may ask."""
    if not settings.metrics_port:
        yield
        return
    with TemporaryDirectory(prefix="taxi-figures-") as folder:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder  # whatever is started from here on looks there
        with accompanied(command_of("taxi_predictor.apps.processes.figures", str(os.getpid()))):
            yield


if __name__ == "__main__":
    main(*sys.argv[1:])
