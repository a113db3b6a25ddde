"""Following single requests through services, for those who look into why one was slow."""

from abc import abstractmethod
from typing import Protocol

from taxi_predictor.ports.outbound.watch import Watch

__all__ = ["Trace", "Tracing"]


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
        What makes no sense is as good as none.
        """
        ...
