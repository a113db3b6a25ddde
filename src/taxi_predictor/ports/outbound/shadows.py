"""What a challenger would have answered, beside what was answered."""

from abc import abstractmethod
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from taxi_predictor.domain.model import ModelVersion
from taxi_predictor.domain.record import ShadowScore
from taxi_predictor.ports.outbound.outcomes import EndedPrediction

__all__ = ["EndedShadow", "ShadowLog"]


@dataclass(frozen=True, slots=True, kw_only=True)
class EndedShadow:
    """A trip that ended, what was answered before it began, and what a challenger would have."""

    ended: EndedPrediction
    score: ShadowScore


class ShadowLog(Protocol):
    """It forgets with the log of predictions: what that one removes has no shadow any more."""

    @abstractmethod
    async def add(self, scores: Sequence[ShadowScore], /) -> int:
        """Keep *scores*, all or none, and return how many were new; of each prediction one per version.

        Adding again changes nothing, from several processes at once neither.

        Raises:
            Unavailable: the log does not answer; adding again settles what was kept.
            StorageFull: there is no room; nothing was added.
        """
        ...

    @abstractmethod
    def ended(
        self, version: ModelVersion, since: datetime, until: datetime, /
    ) -> AsyncGenerator[Sequence[EndedShadow], None]:
        """Yield the scores of *version* of trips whose outcome was reported from *since* on.

        What was reported at *until* or later is left out. They come by the time of the report, then by
        id, in bounded memory. Whoever leaves early closes it, with :func:`contextlib.aclosing`.

        Raises:
            Unavailable: the log does not answer.
        """
        ...
