"""What is told when machines are lost: to the person who waits, and to the log."""

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from taxi_predictor.ports.outbound.progress import Progress

__all__ = ["Losses"]

log = logging.getLogger(__name__)

LABEL = "a machine was lost"


class Losses:
    """Tells what becomes of the work, in a progress step that ends when the work goes on as before."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    @contextmanager
    def goes_on(self, gone: Iterable[str], left: int) -> Iterator[None]:
        """*left* machines do the parts of those that are *gone* again, beside their own."""
        reason = f"{', '.join(gone)} went away"
        log.warning("cluster.machine-lost", extra={"reason": reason, "machines_left": left})
        with self._progress.step(LABEL) as step:
            step.say(f"its parts are done again, by {_machines(left)}")
            yield

    def gives_up(self, reason: str, *, attempt: int, tries: int) -> None:
        """A team has lost a member in this *attempt*, and is stopped."""
        log.warning("cluster.machine-lost", extra={"reason": reason, "attempt": attempt, "tries": tries})

    @contextmanager
    def begins_anew(self, *, attempt: int, tries: int, wanted: int) -> Iterator[Callable[[int], None]]:
        """A team is made again, of *wanted* machines if that many come; what it yields is told how many."""
        with self._progress.step(LABEL) as step:
            step.say(f"begins anew, waits for {_machines(wanted)}")

            def begun(machines: int) -> None:
                log.warning(
                    "cluster.begun-anew",
                    extra={"machines": machines, "before": wanted, "attempt": attempt, "tries": tries},
                )
                step.say(f"begun anew by {machines} of {_machines(wanted)}, try {attempt} of {tries}")

            yield begun


def _machines(number: int) -> str:
    return "1 machine" if number == 1 else f"{number} machines"
