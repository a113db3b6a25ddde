"""The figures of the service under their Prometheus names: units in them, and few labels."""

from datetime import datetime

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics import disable_created_metrics

from taxi_predictor.adapters.prometheus.cells import Count, counting, observing
from taxi_predictor.adapters.prometheus.load import SIZES, LoadFigures
from taxi_predictor.adapters.prometheus.runs import RunFigures
from taxi_predictor.domain.model import ModelVersion
from taxi_predictor.domain.record import AnswerSource
from taxi_predictor.ports.outbound.runs import Run, RunTelemetry
from taxi_predictor.ports.outbound.spool import SpoolState
from taxi_predictor.ports.outbound.sync import SyncState
from taxi_predictor.ports.outbound.telemetry import (
    Exposition,
    Figures,
    LoadTelemetry,
    LogTelemetry,
    PoolState,
    Signal,
    Telemetry,
)

__all__ = ["PrometheusTelemetry", "exposed"]

BUCKETS_S = (
    0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.035, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5,
    1.0, 2.0, 5.0, 10.0, 30.0,
)  # fmt: skip
"""From a single row to the longest that a request may take; finest around 50, 100 and 200 ms."""

# When a series began is a series of its own, for each: nobody asks for it.
disable_created_metrics()  # type: ignore[no-untyped-call]


class PrometheusTelemetry(Telemetry, LogTelemetry, LoadTelemetry, RunTelemetry, Figures):
    """Registers its figures with *registry*, which should hold nothing else of these names.

    Args:
        worker: what this process is called beside others of the service; there are few such names.
    """

    def __init__(self, registry: CollectorRegistry, *, worker: str = "1") -> None:
        self._registry = registry
        self._load = LoadFigures(registry, worker)
        self._runs = RunFigures(registry)
        self._requests = Counter(
            "taxi_http_requests_total",
            "Requests answered, by the template of their path, their method and the status",
            ("route", "method", "status"),
            registry=registry,
        )
        self._request_s = Histogram(
            "taxi_http_request_seconds",
            "From when a request came until it began to be answered",
            ("route",),
            buckets=BUCKETS_S,
            registry=registry,
        )
        self._refusals = Counter(
            "taxi_refusals_total",
            "Requests refused, by the slug of their problem",
            ("reason",),
            registry=registry,
        )
        self._predictions = Counter(
            "taxi_predictions_total",
            "Trips that a version of the model was asked about, by the step of the ladder it stood on",
            ("version", "source"),
            registry=registry,
        )
        self._prediction_s = Histogram(
            "taxi_prediction_seconds",
            "What the model took for the trips that it was asked about at once",
            buckets=BUCKETS_S,
            registry=registry,
        )
        self._prediction_trips = Histogram(
            "taxi_prediction_trips",
            "Trips that the model was asked about at once",
            buckets=SIZES,
            registry=registry,
        )
        # All processes see the same model at the same time, so the last one to look tells for all.
        self._version = Gauge(
            "taxi_model_version",
            "The version of the model that answers, or answered last; 0: none did",
            multiprocess_mode="mostrecent",
            registry=registry,
        )
        self._step = Gauge(
            "taxi_answer_source",
            "The step of the ladder that answers: 1 for it, 0 for the others",
            ("source",),
            multiprocess_mode="mostrecent",
            registry=registry,
        )
        self._sync_age_s, self._sync_trouble, self._sync_version = (
            Gauge(f"taxi_model_sync_{name}", what, multiprocess_mode="mostrecent", registry=registry)
            for name, what in (
                ("age_seconds", "How long ago somebody looked for a new champion in the registry"),
                ("trouble", "Whether its champion may not serve here, or nobody knows what it is: 1 or 0"),
                ("version", "The version of its champion; 0: there is none, or nobody knows"),
            )
        )
        self._logged, self._unlogged, self._shipped = (
            Counter(f"taxi_predictions_{name}_total", what, registry=registry)
            for name, what in (
                ("logged", "Predictions that are in the log or will be"),
                ("unlogged", "Predictions that could not be kept"),
                ("shipped", "Predictions that went from the spool to the log"),
            )
        )
        self._spool_bytes, self._spool_lag_s, self._spool_damaged = (
            Gauge(f"taxi_spool_{name}", what, multiprocess_mode="mostrecent", registry=registry)
            for name, what in (
                ("bytes", "What waits on this machine for the log"),
                ("lag_seconds", "How long the oldest of that has waited"),
                ("damaged_parts", "Parts of the spool that were set aside because they were damaged"),
            )
        )
        self._orphans = Gauge(
            "taxi_outcomes_orphaned",
            "Outcomes that have waited for their predictions for more than an hour",
            multiprocess_mode="mostrecent",
            registry=registry,
        )
        # The library checks and looks up labels under a lock at every call.
        self._of_request: dict[tuple[str, str, int], Count] = {}
        self._of_route: dict[str, Count] = {}
        self._of_model: dict[tuple[ModelVersion | None, AnswerSource], Count] = {}
        self._took_s, self._asked_trips = observing(self._prediction_s), observing(self._prediction_trips)
        self._log = counting(self._logged)

    def answered(self, *, method: str, route: str, status: int, elapsed_s: float) -> None:
        key = (route, method, status)
        count = self._of_request.get(key)
        if count is None:
            count = self._of_request[key] = counting(self._requests.labels(*key))
            self._of_route[route] = observing(self._request_s.labels(route))
        count(1)
        self._of_route[route](elapsed_s)

    def refused(self, *, reason: str) -> None:
        self._refusals.labels(reason).inc()

    def predicted(
        self, *, version: ModelVersion | None, source: AnswerSource, trips: int, elapsed_s: float
    ) -> None:
        count = self._of_model.get((version, source))
        if count is None:
            count = self._of_model[version, source] = counting(self._predictions.labels(version or 0, source))
        count(trips)
        self._took_s(elapsed_s)
        self._asked_trips(trips)

    def ready(self, source: AnswerSource | None, /, *, version: ModelVersion | None = None) -> None:
        self._load.ready(source is not None)
        if source is not None:
            self._version.set(version or 0)
            self._load.serves(version or 0)
            for step in AnswerSource:
                self._step.labels(step).set(step is source)

    def synced(self, state: SyncState, /, *, now: datetime) -> None:
        self._sync_age_s.set((now - state.looked_at).total_seconds())
        self._sync_trouble.set(state.trouble is not None)
        self._sync_version.set(state.version or 0)

    def logged(self, predictions: int, /) -> None:
        self._log(predictions)

    def unlogged(self, predictions: int, /) -> None:
        self._unlogged.inc(predictions)

    def shipped(self, predictions: int, /) -> None:
        self._shipped.inc(predictions)

    def spooled(self, state: SpoolState, /, *, now: datetime) -> None:
        self._spool_bytes.set(state.size_bytes)
        self._spool_lag_s.set((now - state.oldest_at).total_seconds() if state.oldest_at else 0.0)
        self._spool_damaged.set(state.damaged)

    def orphaned(self, outcomes: int, /) -> None:
        self._orphans.set(outcomes)

    def asked_batch(self, *, trips: int) -> None:
        self._load.batch_trips.observe(trips)

    def asked_matrix(self, *, cells: int) -> None:
        self._load.matrix_cells.observe(cells)

    def degraded(self, *, reason: str, trips: int) -> None:
        self._load.degraded.labels(reason).inc(trips)

    def pooled(self, state: PoolState, /) -> None:
        self._load.pooled(state)

    def dropped(self, signal: Signal, number: int, /) -> None:
        self._load.dropped.labels(signal).inc(number)

    def ran(self, run: Run, /, *, now: datetime) -> None:
        self._runs.ran(run, now)

    def exposition(self, accept: str = "", /) -> Exposition:
        return exposed(self._registry, accept)


def exposed(registry: CollectorRegistry, accept: str) -> Exposition:
    """What *registry* collects, in the form that *accept* likes best."""
    encode, media_type = choose_encoder(accept)
    return Exposition(media_type=media_type, text=encode(registry))
