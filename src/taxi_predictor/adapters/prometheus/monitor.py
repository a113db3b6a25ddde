"""What a monitor found, under its Prometheus names: the series of the last report alone."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from math import exp
from threading import Lock

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from taxi_predictor.adapters.prometheus.telemetry import exposed
from taxi_predictor.domain.evaluation import Scores
from taxi_predictor.domain.level import BOUND
from taxi_predictor.domain.live import LevelState, LiveMeasures, LiveReport, VersionState
from taxi_predictor.ports.outbound.monitoring import MonitorTelemetry, Retrained
from taxi_predictor.ports.outbound.telemetry import Exposition, Figures

__all__ = ["PrometheusMonitorTelemetry", "monitor_figures_of_process"]

LIVE: Mapping[str, tuple[str, Callable[[Scores], float]]] = {
    "mae_seconds": ("Mean absolute error of trips that ended", lambda s: s.mae_s),
    "rmse_seconds": ("Root mean squared error of trips that ended", lambda s: s.rmse_s),
    "rmse_minutes": ("The same in minutes", lambda s: s.rmse_s / 60),
    "bias_seconds": ("Mean of predicted minus actual, of trips that ended", lambda s: s.bias_s),
    "coverage_ratio": ("Trips inside their interval of 80 %", lambda s: s.coverage_80),
    "within_5_minutes_ratio": (
        "Trips whose prediction was off by 5 minutes at most",
        lambda s: s.within_5_min,
    ),
}
Sample = tuple[tuple[str, ...], float]


class PrometheusMonitorTelemetry(MonitorTelemetry, Figures, Collector):
    """Registers itself with *registry*, which should hold nothing else of these names."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry
        self._report: LiveReport | None = None
        self._retrained = dict.fromkeys(Retrained, 0)
        self._turn = Lock()
        registry.register(self)

    def looked(self, report: LiveReport, /) -> None:
        self._report = report  # at once: who reads sees the one or the other

    def retrained(self, result: Retrained, /) -> None:
        with self._turn:
            self._retrained[result] += 1

    def exposition(self, accept: str = "", /) -> Exposition:
        return exposed(self._registry, accept)

    def collect(self) -> Iterator[Metric]:
        counted = CounterMetricFamily(
            "taxi_retrainings", "Retrainings that a band began, by what became of them", labels=("result",)
        )
        for result, count in self._retrained.items():
            counted.add_metric((result,), count)
        yield counted
        report = self._report
        if report is not None:
            yield from _of_measures(report.measures)
            yield from _of_versions(report.versions)
            yield from _of_level(report.level)
            yield from _of_times(report)


def monitor_figures_of_process() -> PrometheusMonitorTelemetry:
    """Those of a monitor's process, with its memory, CPU time and open files."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    return PrometheusMonitorTelemetry(registry)


def _gauge(name: str, what: str, labels: tuple[str, ...], samples: Iterable[Sample]) -> Metric:
    gauge = GaugeMetricFamily(f"taxi_{name}", what, labels=labels)
    for values, value in samples:
        gauge.add_metric(values, value)
    return gauge


def _of_measures(measures: Iterable[LiveMeasures]) -> Iterator[Metric]:
    labels = ("version", "slice", "window")
    found = [((one.version, one.slice, one.window), one) for one in measures]
    for name, (what, value) in LIVE.items():
        yield _gauge(
            f"live_{name}",
            what,
            labels,
            ((of, value(one.scores)) for of, one in found if one.scores is not None),
        )
    yield _gauge(
        "live_trips",
        "Trips that ended, which the others are of",
        labels,
        ((of, one.scores.n if one.scores else 0) for of, one in found),
    )
    yield _gauge(
        "live_answered_trips",
        "Trips that were answered, ended or not, which the estimated error is of",
        labels,
        ((of, one.answered) for of, one in found),
    )
    yield _gauge(
        "live_estimated_mae_seconds",
        "The error that predicted distributions say to expect of all that was answered",
        labels,
        ((of, one.expected_mae_s) for of, one in found if one.expected_mae_s is not None),
    )


def _of_versions(versions: Iterable[VersionState]) -> Iterator[Metric]:
    found = [(str(state.version), state) for state in versions]
    yield _gauge(
        "live_out_of_band",
        "Whether a measure surely left its band, with enough trips to say so: 1 or 0",
        ("version", "measure"),
        (
            (
                (version, measure),
                float(any(one.measure is measure and one.is_out for one in state.standings)),
            )
            for version, state in found
            for measure in state.bands
        ),
    )
    yield _gauge(
        "live_band",
        "Where a measure of the version is expected, in its unit",
        ("version", "measure", "bound"),
        (
            ((version, measure, bound), getattr(band, bound))
            for version, state in found
            for measure, band in state.bands.items()
            for bound in ("lower", "upper")
        ),
    )
    for name, what in (
        ("psi", "Population stability index against the trips that the version learned from"),
        ("wasserstein", "How far values moved on average, in standard deviations of those trips"),
        ("trips", "Trips that were answered, which both are of"),
    ):
        yield _gauge(
            f"drift_{name}",
            what,
            ("version", "feature"),
            (((version, one.feature), getattr(one, name)) for version, state in found for one in state.drift),
        )
    yield _gauge(
        "model_age_seconds",
        "Since the version was trained",
        ("version",),
        (((version,), state.age_s) for version, state in found if state.age_s is not None),
    )


def _of_level(state: LevelState) -> Iterator[Metric]:
    yield _gauge(
        "live_level_on", "Whether answers are given with a live level: 1 or 0", (), [((), state.is_on)]
    )
    if state.level is not None:
        yield _gauge(
            "live_level",
            "What the live level multiplies durations by, city-wide, and the bounds it keeps to",
            ("kind",),
            [
                (("factor",), exp(state.level.city)),
                (("lower",), exp(-BOUND)),
                (("upper",), exp(BOUND)),
            ],
        )


def _of_times(report: LiveReport) -> Iterator[Metric]:
    for name, what, value in (
        ("data_age_seconds", "Since the newest stored trip was picked up", report.data_age_s),
        ("monitor_looked_timestamp_seconds", "When the monitor looked last", report.looked_at.timestamp()),
    ):
        if value is not None:
            yield _gauge(name, what, (), [((), value)])
    yield _gauge(
        "outcome_delay_seconds",
        "How long after its end a trip is reported; of the last day",
        ("quantile",),
        (((f"{quantile:g}",), delay_s) for quantile, delay_s in report.outcome_delay_s.items()),
    )
