"""Following requests by the OpenTelemetry SDK."""

from collections.abc import Callable
from random import random

from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    Tracer,
    format_span_id,
    format_trace_id,
    set_span_in_context,
)

from taxi_predictor.ports.outbound.tracing import Trace, Tracing, calling_span
from taxi_predictor.ports.outbound.watch import Watch

__all__ = ["OtelTracing"]

SCOPE = "taxi_predictor"
SERVER_ERRORS = 500
FOLLOWED = TraceFlags(TraceFlags.SAMPLED)
NOWHERE = Context()
"""Nothing of another trace is around."""


class OtelTracing(Tracing):
    """Decides before the SDK makes any object: a request that is not followed costs a random number.

    Args:
        share: of the requests that nobody else has decided about, those that are followed.
        deliver: takes each span that ended; it neither waits nor fails.
        resource: the service, as the SDK describes it.
    """

    def __init__(
        self, *, share: float, deliver: Callable[[ReadableSpan], None], resource: Resource | None = None
    ) -> None:
        self._share = share
        provider = TracerProvider(sampler=ALWAYS_ON, resource=resource, shutdown_on_exit=False)
        provider.add_span_processor(_Delivery(deliver))
        self._tracer = provider.get_tracer(SCOPE)

    def follow(self, traceparent: str | None, /) -> Trace | None:
        caller = None if traceparent is None else calling_span(traceparent)
        if caller is None:
            if random() >= self._share:  # noqa: S311 # no secret
                return None
            return _OtelTrace(self._tracer, NOWHERE)
        if not caller.is_followed:
            return None
        parent = SpanContext(int(caller.trace_id, 16), int(caller.span_id, 16), True, FOLLOWED)
        return _OtelTrace(self._tracer, set_span_in_context(NonRecordingSpan(parent), NOWHERE))


class _OtelTrace(Trace):
    def __init__(self, tracer: Tracer, parent: Context) -> None:
        self._tracer = tracer
        self._span = tracer.start_span("", parent, SpanKind.SERVER)

    @property
    def traceparent(self) -> str:
        here = self._span.get_span_context()
        return f"00-{format_trace_id(here.trace_id)}-{format_span_id(here.span_id)}-01"

    def end(self, watch: Watch, /) -> None:
        here = set_span_in_context(self._span, NOWHERE)
        for name, part in watch.parts.items():
            child = self._tracer.start_span(name, here, start_time=watch.at_ns(part.began_s))
            if part.times > 1:
                child.set_attributes({"taxi.times": part.times, "taxi.busy_s": part.busy_s})
            child.end(watch.at_ns(part.ended_s))
        self._span.update_name(f"{watch.method} {watch.route}")
        self._span.set_attributes(_attributes(watch))
        if watch.status is None or watch.status >= SERVER_ERRORS:
            self._span.set_status(Status(StatusCode.ERROR))
        self._span.end(watch.at_ns(watch.came_s + watch.elapsed_s))


class _Delivery(SpanProcessor):
    def __init__(self, deliver: Callable[[ReadableSpan], None]) -> None:
        self._deliver = deliver

    def on_end(self, span: ReadableSpan) -> None:
        self._deliver(span)


def _attributes(watch: Watch) -> dict[str, str | int]:
    """By OpenTelemetry's semantic conventions for HTTP servers.

    They want ``url.path``, too: in ours there may be places and a key, so the template stands for it.
    """
    told: dict[str, str | int] = {
        "http.request.method": watch.method,
        "http.route": watch.route,
        "url.path": watch.route,
        "url.scheme": "http",
        "taxi.request_id": watch.request_id,
    }
    if watch.status is not None:
        told["http.response.status_code"] = watch.status
    if watch.problem is not None:
        told["error.type"] = watch.problem
    elif watch.status is None or watch.status >= SERVER_ERRORS:
        told["error.type"] = str(watch.status or "no-answer")
    return told
