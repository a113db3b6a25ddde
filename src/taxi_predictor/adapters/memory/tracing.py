"""Tracing that remembers what it was told, for a test to look at."""

from dataclasses import dataclass, field, replace
from random import Random

from taxi_predictor.ports.outbound.tracing import CallingSpan, Trace, Tracing, calling_span
from taxi_predictor.ports.outbound.watch import Watch

__all__ = ["MemoryTrace", "MemoryTracing"]


class MemoryTracing(Tracing):
    """Grows with every request: for tests, not for services."""

    def __init__(self, *, share: float = 1.0) -> None:
        self._share = share
        self._random = Random()  # noqa: S311 # no secret
        self.ended: list[MemoryTrace] = []
        """Those that were told how they ended, in that order."""

    def follow(self, traceparent: str | None, /) -> Trace | None:
        caller = None if traceparent is None else calling_span(traceparent)
        if caller is None:
            if self._random.random() >= self._share:
                return None
            return self._begun(None)
        return self._begun(caller) if caller.is_followed else None

    def _begun(self, parent: CallingSpan | None) -> "MemoryTrace":
        return MemoryTrace(
            trace_id=parent.trace_id if parent else f"{self._random.randrange(1, 1 << 128):032x}",
            span_id=f"{self._random.randrange(1, 1 << 64):016x}",
            parent_id=parent.span_id if parent else None,
            ended=self.ended,
        )


@dataclass(slots=True, kw_only=True, eq=False)
class MemoryTrace(Trace):
    trace_id: str
    span_id: str
    parent_id: str | None
    ended: "list[MemoryTrace]" = field(repr=False)
    watch: Watch | None = None
    """How it was answered; None: nobody said."""

    @property
    def traceparent(self) -> str:
        return f"00-{self.trace_id}-{self.span_id}-01"

    def end(self, watch: Watch, /) -> None:
        self.watch = replace(watch, parts={name: replace(part) for name, part in watch.parts.items()})
        self.ended.append(self)
