"""Telling what a look at live models found, and letting only one process act on it."""

from abc import abstractmethod
from contextlib import AbstractAsyncContextManager
from enum import StrEnum
from typing import Protocol

from taxi_predictor.domain.live import LiveReport

__all__ = ["MonitorTelemetry", "Retrained", "Turns"]


class Retrained(StrEnum):
    """What became of a retraining."""

    PROMOTED = "promoted"
    REFUSED = "refused"
    """It did not pass the gate, or somebody promoted another model meanwhile."""
    FAILED = "failed"
    """There was no model to judge, as where trips are too few or something broke."""


class MonitorTelemetry(Protocol):
    """Takes in what was found. It may be called from any thread, and neither waits nor fails."""

    @abstractmethod
    def looked(self, report: LiveReport, /) -> None:
        """Only the last call counts: of what is not in *report* nothing stays. A reader sees all of one
        report."""
        ...

    @abstractmethod
    def retrained(self, result: Retrained, /) -> None:
        """Every call counts."""
        ...


class Turns(Protocol):
    """What only one process of a deployment may do at a time."""

    @abstractmethod
    def take(self, name: str, /) -> AbstractAsyncContextManager[bool]:
        """True while inside: the turn called *name* is ours. False: somebody else has it, here or elsewhere.

        It is given back at the end, and by itself where its process dies.

        Raises:
            Unavailable: nobody can say who has it.
        """
        ...
