"""Figures of how much is asked, and of each process by itself."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from taxi_predictor.ports.outbound.telemetry import PoolState

__all__ = ["SIZES", "LoadFigures"]

SIZES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 100_000, 1_000_000)
"""Buckets of what can be counted."""


class LoadFigures:
    """The part of the telemetry that is told less often, and of which each process tells for itself."""

    def __init__(self, registry: CollectorRegistry, worker: str) -> None:
        self.batch_trips, self.matrix_cells = (
            Histogram(f"taxi_{name}", what, buckets=SIZES, registry=registry)
            for name, what in (
                ("batch_trips", "Trips of one list that was asked about"),
                ("matrix_cells", "Cells of one matrix that was asked for"),
            )
        )
        self.degraded = Counter(
            "taxi_degraded_trips_total",
            "Trips that were answered without something, by the slug of what was wrong",
            ("reason",),
            registry=registry,
        )
        self.dropped = Counter(
            "taxi_signals_dropped_total",
            "Spans and log records that never reached the collector",
            ("signal",),
            registry=registry,
        )
        of_worker = {
            name: Gauge(f"taxi_{name}", what, ("worker",), multiprocess_mode="mostrecent", registry=registry)
            for name, what in (
                ("ready", "Whether a worker answers predictions: 1, or 0 without a model and when it stops"),
                ("worker_model_version", "The version that a worker answers by; 0: by none that was trained"),
                ("pool_connections", "Connections to the database that a process has open"),
                ("pool_idle_connections", "Those of them that nobody uses"),
                ("pool_waiting", "Callers that wait for such a connection"),
            )
        }
        # Only what is told has a series: what is no worker is neither ready nor not.
        self._of_worker = {name: gauge.labels for name, gauge in of_worker.items()}
        self._worker = worker

    def ready(self, is_ready: bool) -> None:
        self._set("ready", is_ready)

    def serves(self, version: int) -> None:
        """This process answers by *version*."""
        self._set("worker_model_version", version)

    def pooled(self, state: PoolState) -> None:
        self._set("pool_connections", state.size)
        self._set("pool_idle_connections", state.idle)
        self._set("pool_waiting", state.waiting)

    def _set(self, name: str, value: float) -> None:
        self._of_worker[name](self._worker).set(value)
