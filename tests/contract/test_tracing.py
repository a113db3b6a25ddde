"""What follows requests keeps its contract, in memory and by OpenTelemetry."""

from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import format_span_id, format_trace_id

from collector import remembered
from taxi_predictor.adapters.memory.tracing import MemoryTracing
from taxi_predictor.adapters.otel.tracing import OtelTracing
from taxi_predictor.ports.outbound.tracing import Tracing
from taxi_predictor.ports.outbound.watch import Part, Watch
from taxi_predictor.ports.testing.tracing import Told, ToldSpan, TracingContract


class TestMemoryTracing(TracingContract):
    @contextmanager
    def open(self, *, share: float) -> Iterator[tuple[Tracing, Told]]:
        tracing = MemoryTracing(share=share)
        yield tracing, lambda: remembered(tracing)


class TestOtelTracing(TracingContract):
    @contextmanager
    def open(self, *, share: float) -> Iterator[tuple[Tracing, Told]]:
        spans: list[ReadableSpan] = []
        yield OtelTracing(share=share, deliver=spans.append), lambda: [told(span) for span in spans]


def told(span: ReadableSpan) -> ToldSpan:
    assert span.context is not None
    assert span.start_time is not None
    assert span.end_time is not None
    return ToldSpan(
        trace_id=format_trace_id(span.context.trace_id),
        span_id=format_span_id(span.context.span_id),
        parent_id=None if span.parent is None else format_span_id(span.parent.span_id),
        name=span.name,
        began_ns=span.start_time,
        ended_ns=span.end_time,
    )


def spans_of(watch: Watch) -> list[ReadableSpan]:
    spans: list[ReadableSpan] = []
    trace = OtelTracing(share=1.0, deliver=spans.append).follow(None)
    assert trace is not None
    trace.end(watch)
    return spans


def test_a_request_is_described_as_others_describe_theirs() -> None:
    watch = Watch("an-id", method="GET", route="/v1/models/{version}", status=404, problem="unknown-model")
    [span] = spans_of(watch)
    assert span.kind.name == "SERVER"
    assert span.status.is_unset  # a client's fault is no error of the server's span
    assert dict(span.attributes or {}) == {
        "http.request.method": "GET",
        "http.route": "/v1/models/{version}",
        "url.path": "/v1/models/{version}",
        "url.scheme": "http",
        "http.response.status_code": 404,
        "error.type": "unknown-model",
        "taxi.request_id": "an-id",
    }


def test_a_crash_and_a_request_without_an_answer_are_errors() -> None:
    for status, kind in ((500, "500"), (None, "no-answer")):
        [span] = spans_of(Watch("an-id", method="GET", route="/schema", status=status))
        assert not span.status.is_ok
        assert span.status.status_code.name == "ERROR"
        assert (span.attributes or {})["error.type"] == kind


def test_a_part_that_was_done_in_pieces_says_how_many_and_how_long() -> None:
    watch = Watch("an-id", method="POST", route="/v1/matrix", status=200)
    watch.parts["model"] = Part(watch.came_s, watch.came_s + 2, busy_s=0.75, times=3)
    assert dict(spans_of(watch)[0].attributes or {}) == {"taxi.times": 3, "taxi.busy_s": 0.75}
