"""The Prometheus adapter keeps its contract, in one process and in several."""

import json
import math
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from asking import asking
from taxi_predictor.adapters.prometheus.monitor import (
    PrometheusMonitorTelemetry,
    monitor_figures_of_process,
)
from taxi_predictor.adapters.prometheus.server import served_figures
from taxi_predictor.adapters.prometheus.sharing import SharedFigures, WorkerTelemetry
from taxi_predictor.adapters.prometheus.telemetry import PrometheusTelemetry
from taxi_predictor.domain.errors import Unavailable
from taxi_predictor.domain.model import ModelVersion
from taxi_predictor.domain.record import AnswerSource
from taxi_predictor.ports.outbound.monitoring import Retrained
from taxi_predictor.ports.outbound.runs import Became, Run, RunKind, RunResult
from taxi_predictor.ports.outbound.spool import SpoolState
from taxi_predictor.ports.outbound.telemetry import PoolState, Signal
from taxi_predictor.ports.testing.monitoring import (
    MonitorTelemetryContract,
    ReadableMonitorTelemetry,
    a_live_report,
)
from taxi_predictor.ports.testing.samples import NOON
from taxi_predictor.ports.testing.telemetry import ReadableTelemetry, TelemetryContract

CHAMPION = AnswerSource.CHAMPION


class TestPrometheusTelemetry(TelemetryContract):
    @asynccontextmanager
    async def open(self) -> AsyncIterator[ReadableTelemetry]:
        yield PrometheusTelemetry(CollectorRegistry())


class TestPrometheusMonitorTelemetry(MonitorTelemetryContract):
    @asynccontextmanager
    async def open(self) -> AsyncIterator[ReadableMonitorTelemetry]:
        yield PrometheusMonitorTelemetry(CollectorRegistry())


def samples(text: bytes) -> dict[str, float]:
    """The samples by name and labels, as they are written."""
    return {
        sample.name + json.dumps(sample.labels, sort_keys=True): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    }


def test_what_is_told_stands_under_its_name() -> None:
    telemetry = PrometheusTelemetry(CollectorRegistry())
    for status in (200, 200, 503):
        telemetry.answered(method="POST", route="/v1/predictions", status=status, elapsed_s=0.003)
    telemetry.refused(reason="no-champion")
    telemetry.predicted(version=ModelVersion(7), source=CHAMPION, trips=40, elapsed_s=0.004)
    telemetry.predicted(version=ModelVersion(7), source=CHAMPION, trips=2, elapsed_s=0.004)
    telemetry.ready(CHAMPION, version=ModelVersion(7))
    told = samples(telemetry.exposition().text)
    assert (
        told['taxi_http_requests_total{"method": "POST", "route": "/v1/predictions", "status": "200"}'] == 2
    )
    assert (
        told['taxi_http_requests_total{"method": "POST", "route": "/v1/predictions", "status": "503"}'] == 1
    )
    assert told['taxi_http_request_seconds_count{"route": "/v1/predictions"}'] == 3
    assert told['taxi_http_request_seconds_bucket{"le": "0.002", "route": "/v1/predictions"}'] == 0
    assert told['taxi_http_request_seconds_bucket{"le": "0.005", "route": "/v1/predictions"}'] == 3
    assert told['taxi_refusals_total{"reason": "no-champion"}'] == 1
    assert told['taxi_predictions_total{"source": "champion", "version": "7"}'] == 42
    assert told["taxi_prediction_seconds_count{}"] == 2
    assert (told['taxi_ready{"worker": "1"}'], told["taxi_model_version{}"]) == (1, 7)
    steps = {source: told[f'taxi_answer_source{{"source": "{source}"}}'] for source in AnswerSource}
    assert steps == {source: source is CHAMPION for source in AnswerSource}


def test_the_log_and_the_spool_have_figures_of_their_own() -> None:
    telemetry = PrometheusTelemetry(CollectorRegistry())
    telemetry.logged(3)
    telemetry.unlogged(2)
    telemetry.shipped(1)
    oldest_at = NOON - timedelta(seconds=90)
    telemetry.spooled(SpoolState(size_bytes=500, oldest_at=oldest_at, damaged=1), now=NOON)
    told = samples(telemetry.exposition().text)
    counted = [told[f"taxi_predictions_{name}_total{{}}"] for name in ("logged", "unlogged", "shipped")]
    assert counted == [3, 2, 1]
    stands = [told[f"taxi_spool_{name}{{}}"] for name in ("bytes", "lag_seconds", "damaged_parts")]
    assert stands == [500, 90, 1]
    telemetry.spooled(SpoolState(size_bytes=0, oldest_at=None, damaged=1), now=NOON)
    assert samples(telemetry.exposition().text)["taxi_spool_lag_seconds{}"] == 0


def test_a_service_that_is_not_ready_says_what_it_answered_with_last() -> None:
    telemetry = PrometheusTelemetry(CollectorRegistry())
    telemetry.ready(CHAMPION, version=ModelVersion(7))
    telemetry.ready(None)
    told = samples(telemetry.exposition().text)
    assert (told['taxi_ready{"worker": "1"}'], told["taxi_model_version{}"]) == (0, 7)


@pytest.mark.parametrize(
    ("accept", "media_type", "end"),
    [
        ("", "text/plain; version=0.0.4", b"\n"),
        ("text/html,*/*", "text/plain; version=0.0.4", b"\n"),
        ("application/openmetrics-text;version=1.0.0,*/*;q=0.1", "application/openmetrics-text", b"# EOF\n"),
    ],
)
def test_it_speaks_open_metrics_to_whoever_does(accept: str, media_type: str, end: bytes) -> None:
    exposition = PrometheusTelemetry(CollectorRegistry()).exposition(accept)
    assert exposition.media_type.startswith(media_type)
    assert exposition.text.endswith(end)


def test_each_process_tells_of_itself() -> None:
    telemetry = WorkerTelemetry(CollectorRegistry(), worker="2")
    telemetry.ready(CHAMPION, version=ModelVersion(7))
    telemetry.pooled(PoolState(size=3, idle=1, waiting=4))
    told = samples(telemetry.exposition().text)
    assert told['taxi_worker_model_version{"worker": "2"}'] == 7
    assert told['taxi_worker_memory_bytes{"worker": "2"}'] > 1e6
    assert told['taxi_worker_cpu_seconds{"worker": "2"}'] > 0
    assert told['taxi_pool_connections{"worker": "2"}'] == 3
    assert told['taxi_pool_idle_connections{"worker": "2"}'] == 1
    assert told['taxi_pool_waiting{"worker": "2"}'] == 4


def test_runs_stand_under_their_kinds() -> None:
    telemetry = PrometheusTelemetry(CollectorRegistry())
    ended_at = NOON - timedelta(seconds=90)
    trips = {Became.ADDED: 30, Became.REJECTED: 2}
    telemetry.ran(Run(kind=RunKind.INGEST, ended_at=ended_at, took_s=7, trips=trips), now=NOON)
    telemetry.ran(Run(kind=RunKind.TRAINING, ended_at=NOON, took_s=70, trouble="promotion-refused"), now=NOON)
    telemetry.ran(Run(kind=RunKind.OUTCOMES, ended_at=NOON, took_s=1, trouble="too-many-rejects"), now=NOON)
    told = samples(telemetry.exposition().text)
    assert told['taxi_run_age_seconds{"run": "ingest"}'] == 90
    assert told['taxi_run_seconds{"run": "training"}'] == 70
    results = {
        run: [told[f'taxi_run_result{{"result": "{result}", "run": "{run}"}}'] for result in RunResult]
        for run in RunKind
    }
    assert results == {"ingest": [1, 0, 0], "training": [0, 1, 0], "outcomes": [0, 0, 1]}
    assert told['taxi_run_trips{"became": "added", "run": "ingest"}'] == 30
    assert told['taxi_run_trips{"became": "rejected", "run": "ingest"}'] == 2


def test_what_is_no_worker_is_not_ready_and_serves_no_model() -> None:
    told = samples(PrometheusTelemetry(CollectorRegistry()).exposition().text)
    assert not [name for name in told if name.startswith(("taxi_worker", "taxi_ready"))]


WORKER = """
import sys
from taxi_predictor.adapters.prometheus.sharing import figures_of_process
from taxi_predictor.domain.record import AnswerSource

telemetry = figures_of_process()
for _ in range(int(sys.argv[1])):
    telemetry.answered(method="GET", route="/health", status=200, elapsed_s=0.001)
telemetry.ready(AnswerSource.CHAMPION, version=int(sys.argv[2]))
print(flush=True)
sys.stdin.read()
"""


@contextmanager
def worker(folder: Path, tellings: int, version: int) -> Iterator[None]:
    """A process that has told so much, and lives."""
    process = subprocess.Popen(
        [sys.executable, "-c", WORKER, str(tellings), str(version)],
        env={"PROMETHEUS_MULTIPROC_DIR": str(folder), "PYTHONPATH": ":".join(sys.path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline()
        try:
            yield
        finally:
            process.kill()


HEALTH = 'taxi_http_requests_total{"method": "GET", "route": "/health", "status": "200"}'


def of_workers(told: Mapping[str, float]) -> dict[str, float]:
    name = "taxi_worker_model_version"
    return {labels: value for labels, value in told.items() if labels.startswith(name)}


def test_several_processes_add_up_and_each_has_a_version(tmp_path: Path) -> None:
    figures = SharedFigures(tmp_path)
    with worker(tmp_path, 3, 2), worker(tmp_path, 4, 1):
        told = samples(figures.exposition().text)
    assert told[HEALTH] == 7
    assert told['taxi_http_request_seconds_count{"route": "/health"}'] == 7
    assert told["taxi_model_version{}"] == 1  # the last word
    assert sorted(of_workers(told).values()) == [1, 2]
    assert not [name for name in told if "pid" in name]


def test_what_dead_processes_counted_stays_and_what_they_said_of_themselves_goes(tmp_path: Path) -> None:
    figures = SharedFigures(tmp_path)
    for _ in range(3):
        with worker(tmp_path, 5, 1):
            pass
    told = samples(figures.exposition().text)
    assert told[HEALTH] == 15
    assert of_workers(told) == {}
    assert not [name for name in told if name.startswith("taxi_ready")]


def test_processes_that_are_started_anew_take_no_more_room(tmp_path: Path) -> None:
    rooms = []
    for _ in range(3):
        with worker(tmp_path, 1, 1), worker(tmp_path, 1, 1):
            rooms.append(sorted(path.name for path in tmp_path.iterdir()))
            told = samples(SharedFigures(tmp_path).exposition().text)
    assert rooms[0] == rooms[1] == rooms[2]
    assert told[HEALTH] == 6
    assert len(of_workers(told)) == 2


OPEN_METRICS = "application/openmetrics-text; version=1.0.0"


def test_a_report_stands_under_its_names() -> None:
    telemetry = PrometheusMonitorTelemetry(CollectorRegistry())
    telemetry.retrained(Retrained.PROMOTED)
    telemetry.looked(a_live_report(3, error_s=150.0))
    told = samples(telemetry.exposition().text)
    of = '{"slice": "all", "version": "3", "window": "7d"}'
    live = {name: told[f"taxi_live_{name}{of}"] for name in ("mae_seconds", "rmse_minutes", "trips")}
    assert live == {"mae_seconds": 150, "rmse_minutes": 2.5, "trips": 300}
    assert told[f"taxi_live_coverage_ratio{of}"] == pytest.approx(0.8)
    assert told[f"taxi_live_within_5_minutes_ratio{of}"] == pytest.approx(0.9)
    assert told[f"taxi_live_estimated_mae_seconds{of}"] == 90
    # A band of 130 s, which all of 300 trips with the same error surely left.
    out = {
        name: told[f'taxi_live_out_of_band{{"measure": "{name}", "version": "3"}}']
        for name in ("mae", "bias")
    }
    assert out == {"mae": 1, "bias": 0}
    assert told['taxi_live_band{"bound": "upper", "measure": "mae", "version": "3"}'] == pytest.approx(130)
    assert told['taxi_drift_psi{"feature": "distance_km", "version": "3"}'] == 0.05
    assert told['taxi_drift_wasserstein{"feature": "distance_km", "version": "3"}'] == 0.2
    assert (
        told[f"taxi_live_answered_trips{of}"],
        told['taxi_drift_trips{"feature": "distance_km", "version": "3"}'],
    ) == (400, 400)
    assert told['taxi_outcome_delay_seconds{"quantile": "0.9"}'] == 300
    assert told['taxi_live_level{"kind": "factor"}'] == pytest.approx(math.exp(0.1))
    assert told['taxi_live_level{"kind": "upper"}'] == pytest.approx(math.exp(0.7))
    assert told["taxi_live_level_on{}"] == 1
    assert told["taxi_monitor_looked_timestamp_seconds{}"] == NOON.timestamp()
    assert told['taxi_retrainings_total{"result": "promoted"}'] == 1


def test_figures_are_served_and_whether_they_are_fresh() -> None:
    troubles = [None, "the last look is 2000 s ago"]
    figures = monitor_figures_of_process()
    with served_figures(
        figures, host="127.0.0.1", port=0, setting="TAXI_MONITOR_PORT", trouble=lambda: troubles[0]
    ) as port:
        url = f"http://127.0.0.1:{port}"
        assert samples(asking.get(f"{url}/metrics").content)["process_open_fds{}"] >= 3
        answer = asking.get(f"{url}/metrics", headers={"Accept": OPEN_METRICS})
        assert answer.headers["Content-Type"].startswith("application/openmetrics-text")
        statuses = [
            asking.get(f"{url}{path}").status_code for path in ("/health/live", "/health/ready", "/x")
        ]
        assert statuses == [200, 200, 404]
        assert asking.post(f"{url}/metrics").status_code == 405
        troubles.reverse()
        late = asking.get(f"{url}/health/ready")
        assert (late.status_code, late.text) == (503, "the last look is 2000 s ago\n")
        with (
            pytest.raises(Unavailable, match="TAXI_MONITOR_PORT"),
            served_figures(figures, host="127.0.0.1", port=port, setting="TAXI_MONITOR_PORT"),
        ):
            pass


DOCS = Path(__file__).parents[2] / "docs"


def listed(heading: str) -> dict[str, tuple[set[str], str]]:
    """The labels and the description of each metric in the table below a heading of the page on metrics."""
    _, _, after = (DOCS / "metrics.md").read_text("utf-8").partition(f"\n## {heading}\n")
    text = after.partition("\n## ")[0]
    rows = re.findall(r"^\| `(taxi_\w+)` \| (.*?) ?\| (.+) \|$", text, flags=re.MULTILINE)
    return {name: (set(re.findall(r"`(\w+)`", labels)), what) for name, labels, what in rows}


def described(registry: CollectorRegistry) -> dict[str, tuple[set[str], str]]:
    told = {}
    for metric in registry.collect():
        name = f"{metric.name}_total" if metric.type == "counter" else metric.name
        told[name] = (set(metric.samples[0].labels) - {"le"}, metric.documentation)
    return told


def test_every_metric_of_the_monitor_is_listed_as_it_describes_itself() -> None:
    registry = CollectorRegistry()
    PrometheusMonitorTelemetry(registry).looked(a_live_report(1))
    assert listed("The monitor") == described(registry)


def test_every_metric_of_the_service_is_listed_as_it_describes_itself() -> None:
    registry = CollectorRegistry()
    telemetry = WorkerTelemetry(registry)
    telemetry.answered(method="GET", route="/health", status=200, elapsed_s=0.001)
    telemetry.refused(reason="no-champion")
    telemetry.predicted(version=ModelVersion(1), source=CHAMPION, trips=1, elapsed_s=0.001)
    telemetry.ready(CHAMPION, version=ModelVersion(1))
    telemetry.degraded(reason="no-champion", trips=1)
    telemetry.dropped(Signal.SPANS, 1)
    telemetry.ran(Run(kind=RunKind.INGEST, ended_at=NOON, took_s=1, trips={Became.ADDED: 1}), now=NOON)
    telemetry.pooled(PoolState(size=1, idle=1, waiting=0))
    assert listed("The service") == described(registry)
