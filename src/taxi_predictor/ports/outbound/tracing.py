"""Tracing single requests through services, to find out why one was slow."""

import re
from abc import abstractmethod
from dataclasses import dataclass
from typing import Protocol

from taxi_predictor.ports.outbound.watch import Watch

__all__ = ["CallingSpan", "Trace", "Tracing", "calling_span"]

TRACEPARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?", re.DOTALL)
"""Version, trace, span, flags; versions to come may append what they like."""
FIRST_VERSION, NO_VERSION = "00", "ff"
IS_FOLLOWED = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class CallingSpan:
    """What asks, as its ``traceparent`` says it; ids are hexadecimal."""

    trace_id: str
    span_id: str
    is_followed: bool


def calling_span(traceparent: str) -> CallingSpan | None:
    """What *traceparent* says, by W3C Trace Context, 3.2; None where it makes no sense."""
    found = TRACEPARENT.fullmatch(traceparent)
    if found is None:
        return None
    version, trace_id, span_id, flags, more = found.groups()
    if version == NO_VERSION or (version == FIRST_VERSION and more is not None):
        return None
    if not int(trace_id, 16) or not int(span_id, 16):
        return None
    return CallingSpan(trace_id=trace_id, span_id=span_id, is_followed=bool(int(flags, 16) & IS_FOLLOWED))


class Trace(Protocol):
    """One request that is followed."""

    @property
    @abstractmethod
    def traceparent(self) -> str:
        """What this service is to whoever it asks, as the header of that name says it (W3C Trace Context).

        Its second part is the same in all services that follow the request, its third only this one's.
        """
        ...

    @abstractmethod
    def end(self, watch: Watch, /) -> None:
        """The request was answered as *watch* says: it and each of its parts, which are its children.

        It is told once, from any thread, and that neither waits nor fails: what cannot be delivered
        is lost, and counted.
        """
        ...


class Tracing(Protocol):
    """Decides which requests are followed: those that others follow already, and a share of the rest."""

    @abstractmethod
    def follow(self, traceparent: str | None, /) -> Trace | None:
        """The trace of a request that begins now; None: it is not followed, and nothing is kept of it.

        Where *traceparent*, a header that anybody may send, says that the request belongs to a trace,
        whoever began that has decided: it is followed with its id and that parent, or it is not.
        A *traceparent* that makes no sense counts as none.
        """
        ...
