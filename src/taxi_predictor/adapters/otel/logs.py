"""What is logged, as OpenTelemetry's log records."""

import logging
from collections.abc import Callable, Mapping

from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.context import Context
from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context

from taxi_predictor.ports.outbound.watch import current_watch

__all__ = ["Facts", "OtelHandler"]

Facts = Callable[[logging.LogRecord], Mapping[str, object]]
"""What a log record says, its ``event`` among it, with nothing in it that should stay here."""

SEVERITY = {
    logging.DEBUG: SeverityNumber.DEBUG,
    logging.INFO: SeverityNumber.INFO,
    logging.WARNING: SeverityNumber.WARN,
    logging.ERROR: SeverityNumber.ERROR,
    logging.CRITICAL: SeverityNumber.FATAL,
}
NOWHERE = Context()
PLAIN = (bool, int, float, str)


class OtelHandler(logging.Handler):
    """Hands every record to *deliver*, which neither waits nor fails."""

    def __init__(
        self, deliver: Callable[[ReadableLogRecord], None], facts: Facts, resource: Resource
    ) -> None:
        super().__init__()
        self._deliver = deliver
        self._facts = facts
        self._resource = resource

    def emit(self, record: logging.LogRecord) -> None:
        try:
            facts = dict(self._facts(record))
            event = facts.pop("event")
            told = LogRecord(
                timestamp=int(record.created * 1e9),
                context=_context(),
                severity_text=record.levelname,
                severity_number=SEVERITY.get(record.levelno, SeverityNumber.UNSPECIFIED),
                body=event if isinstance(event, str) else str(event),
                attributes={
                    name: value if isinstance(value, PLAIN) else str(value)
                    for name, value in facts.items()
                    if value is not None
                },
            )
            self._deliver(
                ReadableLogRecord(told, self._resource, InstrumentationScope(record.name))  # its logger
            )
        except Exception:  # noqa: BLE001 # as every handler: a record that cannot be told harms nobody
            self.handleError(record)


def _context() -> Context:
    """The span of the request that is answered here."""
    watch = current_watch()
    if watch is None or watch.traceparent is None:
        return NOWHERE
    _, trace_id, span_id, flags = watch.traceparent.split("-")
    span = SpanContext(int(trace_id, 16), int(span_id, 16), False, TraceFlags(int(flags, 16)))
    return set_span_in_context(NonRecordingSpan(span), NOWHERE)
