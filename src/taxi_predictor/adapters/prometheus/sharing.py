"""Figures that the processes of one service count together, and that one of them serves."""

import os
import resource
import struct
from contextlib import suppress
from pathlib import Path
from threading import Lock

from prometheus_client import CollectorRegistry, Gauge, values
from prometheus_client.multiprocess import MultiProcessCollector

from taxi_predictor.adapters.prometheus.cells import cells_of
from taxi_predictor.adapters.prometheus.slots import forget_the_dead, take_slot
from taxi_predictor.adapters.prometheus.telemetry import PrometheusTelemetry, exposed
from taxi_predictor.domain.model import ModelVersion
from taxi_predictor.domain.record import AnswerSource
from taxi_predictor.ports.outbound.telemetry import Exposition, Figures

__all__ = ["SharedFigures", "WorkerTelemetry", "figures_of_process"]

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""Where processes count together; the library looks there, too, when it is imported."""
ATTEMPTS = 3
STATM = Path("/proc/self/statm")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


class SharedFigures(Figures):
    """What all processes that count in *folder* were told, those that ended too."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._turn = Lock()

    def exposition(self, accept: str = "", /) -> Exposition:
        registry = CollectorRegistry()
        MultiProcessCollector(registry, str(self._folder))  # type: ignore[no-untyped-call]
        with self._turn:
            forget_the_dead(self._folder)
            for _ in range(ATTEMPTS - 1):
                # A process that only just starts has made a file and not filled it, or takes one away.
                with suppress(struct.error, FileNotFoundError):
                    return exposed(registry, accept)
            return exposed(registry, accept)


class WorkerTelemetry(PrometheusTelemetry):
    """Says what the process uses, too, as often as it is told how the service stands."""

    def __init__(self, registry: CollectorRegistry, *, worker: str = "1") -> None:
        super().__init__(registry, worker=worker)
        self._worker = worker
        self._memory_bytes, self._cpu_s = (
            Gauge(name, what, ("worker",), multiprocess_mode="mostrecent", registry=registry)
            for name, what in (
                ("taxi_worker_memory_bytes", "What a worker holds in memory"),
                ("taxi_worker_cpu_seconds", "CPU time that a worker has used since it was started"),
            )
        )

    def ready(self, source: AnswerSource | None, /, *, version: ModelVersion | None = None) -> None:
        super().ready(source, version=version)
        usage = resource.getrusage(resource.RUSAGE_SELF)
        self._cpu_s.labels(self._worker).set(usage.ru_utime + usage.ru_stime)
        with suppress(OSError):  # a system without /proc does not say
            pages = int(STATM.read_text("ascii").split()[1])
            self._memory_bytes.labels(self._worker).set(pages * PAGE_BYTES)


def figures_of_process() -> PrometheusTelemetry:
    """Telemetry for this process, shared with others where the environment names a folder for that."""
    folder = os.environ.get(FOLDER)
    if folder is None:
        return WorkerTelemetry(CollectorRegistry())
    slot = take_slot(Path(folder))
    values.ValueClass = cells_of(slot)
    return WorkerTelemetry(CollectorRegistry(), worker=slot)
