"""Real processes are followed by a collector, log lines that can be found again, and do without either."""

import json
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from collector import Collector, collecting
from journeys.conftest import Deployment, figures
from local_ports import free_port
from waiting import until

TRACE, CALLER = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
TRIP = {
    "pickup": {"lat": 40.7580123, "lon": -73.9855123},
    "dropoff": {"lat": 40.7769123, "lon": -73.9493123},
    "pickup_at": "2024-03-01T08:30:00-05:00",
}
OSRM = "/osrm/at/2024-03-01T08:30/table/v1/driving/-73.9855123,40.7580123;-73.9493123,40.7769123"
PLACES = ("7580123", "9855123", "7769123", "9493123")
"""What no trace and no line may hold."""
PATIENCE_S = 20.0
GIVEN_UP_AFTER_S = 5.0
"""So long the collector is waited for; who waited for that would be slower."""


def with_settings(deployment: Deployment, **settings: str) -> Deployment:
    added = {f"TAXI_{name.upper()}": value for name, value in settings.items()}
    return replace(deployment, settings={**deployment.settings, **added})


def attributes(told: Any) -> dict[str, Any]:
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in told.attributes}


def lines(log: Path, event: str) -> list[dict[str, Any]]:
    told = [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]
    return [line for line in told if line["event"] == event]


def test_a_collector_finds_each_request_with_its_parts_and_nothing_that_is_nobodys_business(
    deployment: Deployment, tmp_path: Path
) -> None:
    key = deployment.run("keys", "create", "watched", "--scope", "predict").split()[-1]
    log = tmp_path / "log"
    with collecting() as collector:
        watched = with_settings(
            deployment,
            traces_share="1",
            otlp_endpoint=collector.url,
            otlp_logs="true",
            log_format="json",
            access_log="true",
        )
        with watched.server(workers=2, log=log) as (api, _):
            mine = {"traceparent": f"00-{TRACE}-{CALLER}-01", "X-Request-Id": "mine", "X-Api-Key": key}
            answer = api.post("/v1/predictions", json=TRIP, headers=mine)
            assert answer.is_success
            assert api.post("/v1/predictions", json=TRIP).is_success
            assert api.get(OSRM).is_success
            assert api.get(f"/nowhere/{key}/40.7580123").status_code == 404
            until(lambda: len(roots(collector)) >= 4)
    request = next(span for span in collector.spans if span.trace_id.hex() == TRACE and span.kind == 2)
    assert request.name == "POST /v1/predictions"
    assert request.parent_span_id.hex() == CALLER
    assert answer.headers["traceresponse"] == f"00-{TRACE}-{request.span_id.hex()}-01"
    told = attributes(request)
    assert told["http.route"] == "/v1/predictions"
    assert (told["http.request.method"], told["http.response.status_code"]) == ("POST", 200)
    assert told["taxi.request_id"] == "mine"

    children = [span for span in collector.spans if span.parent_span_id == request.span_id]
    assert sorted(span.name for span in children) == ["features", "log", "model"]
    for child in children:
        assert child.trace_id == request.trace_id
        inside = (request.start_time_unix_nano - 1e6, child.start_time_unix_nano, child.end_time_unix_nano)
        assert list(inside) == sorted(inside)
        assert child.end_time_unix_nano <= request.end_time_unix_nano
    assert sorted(span.name for span in roots(collector)) == [
        f"GET {attributes(table_of(collector))['http.route']}",
        "GET unknown",
        "POST /v1/predictions",
        "POST /v1/predictions",
    ]
    others = {span.trace_id for span in roots(collector)}
    assert len(others) == 4
    assert {pair.value.string_value for resource in collector.resources for pair in resource.attributes} >= {
        "taxi-predictor"
    }

    [line] = [line for line in lines(log, "request.answered") if line["request_id"] == "mine"]
    assert (line["trace_id"], line["caller"], line["status"]) == (TRACE, "watched", 200)
    assert line["duration_ms"] >= line["model_ms"] > 0
    [record] = [record for record in collector.logs if attributes(record).get("request_id") == "mine"]
    assert (record.trace_id.hex(), record.span_id) == (TRACE, request.span_id)
    assert record.body.string_value == "request.answered"

    for secret in (*PLACES, key, key.split("_", 2)[2]):
        assert secret not in log.read_text()
        assert not [body for body in collector.bodies if secret.encode() in body]


def roots(collector: Collector) -> list[Any]:
    """The spans of requests."""
    return [span for span in collector.spans if span.kind == 2]


def table_of(collector: Collector) -> Any:
    [table] = [span for span in roots(collector) if "table" in span.name]
    return table


@contextmanager
def nobody_there() -> Iterator[str]:
    yield f"http://127.0.0.1:{free_port()}"


@contextmanager
def somebody_silent() -> Iterator[str]:
    """Takes connections, and answers nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


@pytest.mark.parametrize("absent", [nobody_there, somebody_silent])
def test_where_the_collector_is_away_nobody_waits_for_it_and_what_is_lost_is_counted(
    deployment: Deployment, absent: Callable[[], AbstractContextManager[str]]
) -> None:
    asked, port = 200, free_port()

    def slowest_s(api: httpx.Client) -> float:
        def ask(_: int) -> float:
            began_s = time.monotonic()
            assert api.post("/v1/predictions", json=TRIP).is_success
            return time.monotonic() - began_s

        with ThreadPoolExecutor(4) as pool:
            return max(pool.map(ask, range(asked)))

    with absent() as url:
        settings = {"traces_share": "1", "otlp_endpoint": url, "metrics_port": str(port)}
        with with_settings(deployment, **settings).server() as (api, server):
            assert slowest_s(api) < GIVEN_UP_AFTER_S
            until(lambda: dropped(port) >= asked)
            began_s = time.monotonic()
            server.terminate()
            assert server.wait(PATIENCE_S) == 0
            assert time.monotonic() - began_s < PATIENCE_S / 2


def dropped(port: int) -> float:
    found = [line for line in figures(port).splitlines() if line.startswith("taxi_signals_dropped_total{")]
    return sum(float(line.split()[-1]) for line in found)


def test_whoever_is_off_loads_nothing_of_it(server_pid: int) -> None:
    task = Path(f"/proc/{server_pid}/task/{server_pid}/children")
    [worker] = task.read_text().split()
    mapped = Path(f"/proc/{worker}/maps").read_text()
    assert "polars" in mapped
    assert "google/_upb" not in mapped  # what OTLP is written with
