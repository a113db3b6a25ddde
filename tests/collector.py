"""What tests find out about traces: those in memory, and what a collector of OTLP received."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from taxi_predictor.adapters.memory.tracing import MemoryTrace, MemoryTracing
from taxi_predictor.ports.testing.tracing import ToldSpan

__all__ = ["Collector", "collecting", "remembered"]


def remembered(tracing: MemoryTracing) -> Sequence[ToldSpan]:
    """The spans of all requests."""
    return [span for trace in tracing.ended for span in _spans(trace)]


def _spans(trace: MemoryTrace) -> Iterator[ToldSpan]:
    """The request, and each of its parts under an id that is made up here."""
    watch = trace.watch
    assert watch is not None
    yield ToldSpan(
        trace_id=trace.trace_id,
        span_id=trace.span_id,
        parent_id=trace.parent_id,
        name=f"{watch.method} {watch.route}",
        began_ns=watch.came_at_ns,
        ended_ns=watch.at_ns(watch.came_s + watch.elapsed_s),
    )
    for number, (name, part) in enumerate(watch.parts.items(), start=1):
        yield ToldSpan(
            trace_id=trace.trace_id,
            span_id=f"{number:016x}",
            parent_id=trace.span_id,
            name=name,
            began_ns=watch.at_ns(part.began_s),
            ended_ns=watch.at_ns(part.ended_s),
        )


@dataclass
class Collector:
    """Keeps what it receives."""

    url: str = ""
    spans: list[Any] = field(default_factory=list)
    logs: list[Any] = field(default_factory=list)
    resources: list[Any] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    """All paths, of whatever else somebody wants of it: it answers 404."""
    traceparents: list[str | None] = field(default_factory=list)
    """Of those questions."""

    def take(self, path: str, body: bytes) -> None:
        self.bodies.append(body)
        if path == "/v1/traces":
            for some in ExportTraceServiceRequest.FromString(body).resource_spans:
                self.resources.append(some.resource)
                self.spans += [span for scope in some.scope_spans for span in scope.spans]
        elif path == "/v1/logs":
            for told in ExportLogsServiceRequest.FromString(body).resource_logs:
                self.resources.append(told.resource)
                self.logs += [record for scope in told.scope_logs for record in scope.log_records]


@contextmanager
def collecting() -> Iterator[Collector]:
    """A collector at a free port."""
    collector = Collector()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            collector.take(self.path, self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def do_GET(self) -> None:
            collector.asked.append(self.path)
            collector.traceparents.append(self.headers["traceparent"])
            self.send_error(404)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        collector.url = f"http://127.0.0.1:{server.server_address[1]}"
        yield collector
        server.shutdown()
