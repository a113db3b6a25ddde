"""What is noted of each request: its trace and its line in the log."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from taxi_predictor.adapters.memory.tracing import MemoryTracing
from taxi_predictor.ports.outbound.watch import Watch
from waiting import quiet

Client = TestClient[Litestar]
Serve = Callable[..., AbstractContextManager[Client]]
TRACE, CALLER = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
OSRM = "/osrm/table/v1/driving/-73.98,40.75;-73.935,40.78"


def watch_of(tracing: MemoryTracing) -> Watch:
    [trace] = tracing.ended
    assert trace.watch is not None
    return trace.watch


def test_a_prediction_is_followed_with_its_parts(serve: Serve, body: dict[str, Any]) -> None:
    tracing = MemoryTracing()
    with serve(tracing=tracing) as client:
        answer = client.post("/v1/predictions", json=body, headers={"X-Request-Id": "mine"})
    watch = watch_of(tracing)
    assert (watch.method, watch.route, watch.status) == ("POST", "/v1/predictions", 200)
    assert watch.request_id == "mine"
    assert watch.parts.keys() == {"features", "model", "log"}
    assert answer.headers["traceresponse"] == tracing.ended[0].traceparent
    moments = [moment for part in watch.parts.values() for moment in (part.began_s, part.ended_s)]
    assert watch.ended_s is not None
    assert [watch.came_s, *moments, watch.ended_s] == sorted([watch.came_s, *moments, watch.ended_s])


@pytest.mark.parametrize("path", ["matrix", "predictions/batch"])
def test_what_is_computed_beside_the_event_loop_is_noted_too(
    serve: Serve, body: dict[str, Any], path: str
) -> None:
    places = [body["pickup"], body["dropoff"]]
    asked: dict[str, Any] = {
        "matrix": {"origins": places, "destinations": places, "departures": [body["pickup_at"]]},
        "predictions/batch": {"trips": [body] * 100},
    }
    tracing = MemoryTracing()
    with serve(tracing=tracing) as client:
        assert client.post(f"/v1/{path}", json=asked[path]).is_success
    assert watch_of(tracing).parts.keys() >= {"features", "model"}


def test_a_trace_of_the_caller_goes_on(serve: Serve) -> None:
    tracing = MemoryTracing(share=0.0)
    with serve(tracing=tracing) as client:
        assert "traceresponse" not in client.get("/v1/models").headers
        answer = client.get("/v1/models", headers={"traceparent": f"00-{TRACE}-{CALLER}-01"})
        assert answer.headers["traceresponse"].startswith(f"00-{TRACE}-")
    [trace] = tracing.ended
    assert (trace.trace_id, trace.parent_id) == (TRACE, CALLER)


def test_health_is_not_followed(serve: Serve) -> None:
    tracing = MemoryTracing()
    with serve(tracing=tracing) as client:
        client.get("/health/ready")
    assert tracing.ended == []


def test_what_goes_wrong_is_noted(serve: Serve, body: dict[str, Any]) -> None:
    tracing = MemoryTracing()
    with serve(tracing=tracing) as client:
        client.post("/v1/predictions", json={**body, "dropoff": {"lat": 0.0, "lon": 0.0}})
        client.get("/nowhere/40.75")
    refused, unknown = (trace.watch for trace in tracing.ended)
    assert refused is not None
    assert unknown is not None
    assert (refused.status, refused.problem) == (422, "invalid-trip")
    assert (unknown.status, unknown.route) == (404, "unknown")


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Callable[[], list[dict[str, Any]]]:
    caplog.set_level(logging.INFO, logger="taxi_predictor")
    return lambda: [vars(record) for record in caplog.records if record.message == "request.answered"]


def test_each_request_has_one_line_that_says_all_of_it(
    serve: Serve, body: dict[str, Any], lines: Callable[[], list[dict[str, Any]]]
) -> None:
    with serve(access_log=True) as client:
        client.post("/v1/predictions", json=body)
        client.get(OSRM)
        client.get("/nowhere")
    predicted, table, unknown = lines()
    assert (predicted["method"], predicted["route"], predicted["status"]) == ("POST", "/v1/predictions", 200)
    assert predicted["duration_ms"] > predicted["model_ms"] > 0
    assert predicted["caller"]
    assert table["route"].startswith("/osrm/table/v1/{profile")
    assert not [value for value in table.values() if "73.98" in str(value)]
    assert (unknown["route"], unknown["status"]) == ("unknown", 404)


def test_without_the_setting_there_are_no_lines(
    serve: Serve, body: dict[str, Any], lines: Callable[[], list[dict[str, Any]]]
) -> None:
    with serve() as client:
        client.post("/v1/predictions", json=body)
    assert lines() == []


async def cut_off(app: Litestar, path: str) -> None:
    """Ask as a server does that ends while the body is still on its way."""

    async def never(*_: Any) -> Any:
        await asyncio.Event().wait()

    scope: Any = {
        "type": "http",
        "method": "POST",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [(b"content-type", b"application/json")],
        "http_version": "1.1",
        "scheme": "http",
        "client": ("127.0.0.1", 9),
        "server": ("127.0.0.1", 80),
    }
    asking = asyncio.create_task(app(scope, never, never))
    await quiet()
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)


def test_what_was_asked_is_told_where_no_answer_was_begun(
    serve: Serve, lines: Callable[[], list[dict[str, Any]]]
) -> None:
    tracing = MemoryTracing()
    with serve(tracing=tracing, access_log=True) as client:
        client.blocking_portal.call(cut_off, client.app, "/v1/predictions")
    watch = watch_of(tracing)
    assert (watch.method, watch.route, watch.status) == ("POST", "/v1/predictions", None)
    [line] = lines()
    assert (line["method"], line["route"]) == ("POST", "/v1/predictions")
