"""Noting how runs went, and telling it while a service runs."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import monotonic

from taxi_predictor.domain.errors import TaxiPredictorError, Unavailable
from taxi_predictor.ports.outbound.clock import Clock
from taxi_predictor.ports.outbound.runs import Became, Run, RunKind, RunNotes, RunTelemetry

__all__ = ["RunBook", "RunFacts"]

log = logging.getLogger(__name__)

CRASHED = "crashed"


@dataclass(slots=True)
class RunFacts:
    """What a run says of itself while it goes on."""

    trouble: str | None = None
    trips: dict[Became, int] = field(default_factory=dict)


class RunBook:
    """Notes on runs, each a process of its own that is gone by the time a service is asked about it."""

    def __init__(self, *, notes: RunNotes, clock: Clock, telemetry: RunTelemetry) -> None:
        self._notes = notes
        self._clock = clock
        self._telemetry = telemetry

    @contextmanager
    def noted(self, kind: RunKind) -> Iterator[RunFacts]:
        """Note what is done inside as one run, however it ends; a note that cannot be left harms nothing."""
        facts, began_s = RunFacts(), monotonic()
        try:
            yield facts
        except TaxiPredictorError as error:
            facts.trouble = error.slug
            raise
        except BaseException:
            facts.trouble = CRASHED
            raise
        finally:
            run = Run(
                kind=kind,
                ended_at=self._clock.now(),
                took_s=monotonic() - began_s,
                trouble=facts.trouble,
                trips=facts.trips,
            )
            try:
                self._notes.note(run)
            except Unavailable as error:
                log.warning("run.not-noted", extra={"run": str(kind), "reason": str(error)})

    def tell(self) -> None:
        """Tell telemetry how the last run of each kind went."""
        now = self._clock.now()
        for kind in RunKind:
            run = self._notes.last(kind)
            if run is not None:
                self._telemetry.ran(run, now=now)
