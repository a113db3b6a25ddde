"""What is noted about a request while it is answered: its times, and the ids that name it in logs and traces.

It crosses the port :class:`~taxi_predictor.ports.outbound.tracing.Tracing`, and is no port itself. It stands
here for those who note: faces, use cases and the columns that adapters share. What all of them may import is
this layer and the domain, and a request is none of the trade's things.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from time import perf_counter, time_ns

__all__ = ["Part", "Watch", "current_watch", "timed", "watched_by", "watched_together"]


@dataclass(slots=True, eq=False)
class Part:
    """All that was done of one kind, such as asking the model; seconds of :func:`perf_counter`."""

    began_s: float
    ended_s: float
    busy_s: float = 0.0
    times: int = 0


@dataclass(slots=True, eq=False)
class Watch:
    """One request. It holds nothing that was asked: no place, no key, no path but its template."""

    request_id: str
    traceparent: str | None = None
    """The span that it is, as a :class:`.Trace` says it; None: it is not followed."""
    method: str = ""
    route: str = ""
    """The template of its path."""
    status: int | None = None
    """None: no answer was begun."""
    caller: str | None = None
    """The name of the key that asked."""
    problem: str | None = None
    """The slug of what went wrong."""
    parts: dict[str, Part] = field(default_factory=dict)
    came_s: float = field(default_factory=perf_counter)
    came_at_ns: int = field(default_factory=time_ns)
    """Nanoseconds since 1970."""
    ended_s: float | None = None

    def note(self, name: str, began_s: float, ended_s: float) -> None:
        """Add what was done between the two moments to the part of that *name*."""
        self.add(name, Part(began_s, ended_s, ended_s - began_s, 1))

    def add(self, name: str, more: Part) -> None:
        """Add *more* to the part of that *name*."""
        part = self.parts.get(name)
        if part is None:
            part = self.parts[name] = Part(more.began_s, more.ended_s)
        part.ended_s = more.ended_s
        part.busy_s += more.busy_s
        part.times += more.times

    @property
    def trace_id(self) -> str | None:
        return None if self.traceparent is None else self.traceparent.split("-")[1]

    @property
    def elapsed_s(self) -> float:
        """Since it came, until it ended."""
        return (self.ended_s or perf_counter()) - self.came_s

    def at_ns(self, moment_s: float) -> int:
        """Nanoseconds since 1970 of a moment that :func:`perf_counter` told."""
        return self.came_at_ns + int((moment_s - self.came_s) * 1e9)


_CURRENT: ContextVar[Watch | None] = ContextVar("watch", default=None)


def current_watch() -> Watch | None:
    """That of the request which is being answered here, in threads beside the event loop too."""
    return _CURRENT.get()


def watched_by(watch: Watch | None) -> None:
    """Note in *watch* what is done in this task from here on; None: note nothing."""
    _CURRENT.set(watch)


@contextmanager
def watched_together(watches: Sequence[Watch]) -> Iterator[None]:
    """Note in each of *watches* what is done inside for all of those requests at once.

    What is logged meanwhile has the ids of all of them, with commas between.
    """
    if len(watches) < 2:
        watched_by(watches[0] if watches else None)
        yield
        return
    shared = Watch(request_id=",".join(watch.request_id for watch in watches))
    watched_by(shared)
    try:
        yield
    finally:
        for watch in watches:
            for name, part in shared.parts.items():
                watch.add(name, part)


class timed:  # noqa: N801 # it is read as a verb
    """Note how long what is done inside takes, as *part* of the request; without one nothing is noted."""

    __slots__ = ("_began_s", "_part", "_watch")

    def __init__(self, part: str) -> None:
        self._part = part

    def __enter__(self) -> None:
        self._watch = _CURRENT.get()
        self._began_s = perf_counter()

    def __exit__(self, *_: object) -> None:
        if self._watch is not None:
            self._watch.note(self._part, self._began_s, perf_counter())
