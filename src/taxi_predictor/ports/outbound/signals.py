"""Watching a service from outside."""

from abc import abstractmethod
from collections.abc import Sequence
from datetime import timedelta
from typing import Protocol

from taxi_predictor.domain.signals import Alarm, Lately, LiveQuality, PartState, ServiceLoad

__all__ = ["LATELY", "SPAN", "ServiceSignals"]

LATELY = timedelta(minutes=5)
"""As far back as *lately* goes."""
SPAN = timedelta(minutes=30)
"""As far back as a course goes."""


class ServiceSignals(Protocol):
    """The state of a running service, as an operator sees it.

    Questions are requests of any route but those of
    :data:`~taxi_predictor.domain.signals.NO_QUESTION`. What nobody knows is None or is left out; it is
    never a number. Asking changes nothing for the service, and may be done at the same time.

    All but :meth:`parts` raise Unavailable when whoever would tell does not answer, or knows nothing of
    the service just now: a figure of before is not given for one of now.
    """

    @abstractmethod
    async def load(self) -> ServiceLoad:
        """All questions that were answered since the service began, and how fast they came lately.

        *Lately* is at most :data:`LATELY`, less where nobody has looked for so long, and None at first.
        """
        ...

    @abstractmethod
    async def course(self) -> Sequence[Lately]:
        """How that went, step by step, the oldest first; at most :data:`SPAN` back, and from when on somebody
        looked. No two steps overlap."""
        ...

    @abstractmethod
    async def quality(self) -> LiveQuality | None:
        """What the monitor found when it looked last; None: it has not looked yet."""
        ...

    @abstractmethod
    async def alarms(self) -> Sequence[Alarm]:
        """All that is wrong now, in the order of :func:`~taxi_predictor.domain.signals.by_severity`.

        That the API does not answer is one of them (``ApiDown``). What ended is left out, and so is what is
        only there to be heard (severity ``none``).
        """
        ...

    @abstractmethod
    async def parts(self) -> Sequence[PartState]:
        """Each part of the deployment that can be seen from here, once, the ``api`` and the ``monitor`` among
        them.

        Never raises: a part that does not answer is one with trouble, and so is whoever would tell of it.
        """
        ...
