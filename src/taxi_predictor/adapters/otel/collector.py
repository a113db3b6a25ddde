"""The collector: where spans and log records go, by OTLP over HTTP."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk._logs.export import LogRecordExportResult
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExportResult

from taxi_predictor import __version__
from taxi_predictor.adapters.otel.logs import Facts, OtelHandler
from taxi_predictor.adapters.otel.outbox import Outbox
from taxi_predictor.adapters.otel.tracing import OtelTracing

__all__ = ["Lost", "open_logs", "open_tracing"]

Lost = Callable[[int], None]
"""Is told how many never reached the collector."""

SERVICE = "taxi-predictor"
PATIENCE_S = 5.0
"""How long one batch may take, with all attempts of the exporter."""
FAREWELL_S = 3.0
"""How long sending the rest may take when the process ends."""

# What went wrong is said once, by the outbox, and not for each batch.
for name in ("opentelemetry", "urllib3"):
    logging.getLogger(name).setLevel(logging.CRITICAL)


@contextmanager
def open_tracing(endpoint: str, *, share: float, lost: Lost) -> Iterator[OtelTracing]:
    """Follow a *share* of the requests; spans go to the collector at *endpoint*."""
    exporter = OTLPSpanExporter(_url(endpoint, "traces"), timeout=PATIENCE_S)
    outbox: Outbox[ReadableSpan] = Outbox(
        lambda spans: exporter.export(spans) is SpanExportResult.SUCCESS, lost, name="spans"
    )
    try:
        yield OtelTracing(share=share, deliver=outbox.put, resource=_service())
    finally:
        outbox.close(FAREWELL_S)
        exporter.shutdown()  # type: ignore[no-untyped-call]


@contextmanager
def open_logs(endpoint: str, *, facts: Facts, lost: Lost) -> Iterator[None]:
    """Send what this process logs to the collector at *endpoint*, too, with the *facts* of each record."""
    exporter = OTLPLogExporter(_url(endpoint, "logs"), timeout=PATIENCE_S)
    outbox: Outbox[ReadableLogRecord] = Outbox(
        lambda records: exporter.export(records) is LogRecordExportResult.SUCCESS, lost, name="logs"
    )
    handler = OtelHandler(outbox.put, facts, _service())
    root = logging.getLogger()
    root.addHandler(handler)
    try:
        yield
    finally:
        root.removeHandler(handler)
        outbox.close(FAREWELL_S)
        exporter.shutdown()  # type: ignore[no-untyped-call]


def _url(endpoint: str, signal: str) -> str:
    return f"{endpoint.rstrip('/')}/v1/{signal}"


def _service() -> Resource:
    """Who tells; OTEL_RESOURCE_ATTRIBUTES may say more, such as where it runs."""
    return Resource.create({"service.name": SERVICE, "service.version": __version__})
