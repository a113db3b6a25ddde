"""Writing down what is done to models, and by whom."""

from taxi_predictor.domain.model import ModelVersion
from taxi_predictor.ports.outbound.clock import Clock
from taxi_predictor.ports.outbound.journal import Deed, Entry, Journal

__all__ = ["DeedBook"]


class DeedBook:
    """Names the *actor* of the deployment where a deed has none of its own."""

    def __init__(self, *, journal: Journal, clock: Clock, actor: str) -> None:
        self._journal = journal
        self._clock = clock
        self._actor = actor

    async def write(
        self, deed: Deed, version: ModelVersion, reason: str, *, actor: str | None = None
    ) -> None:
        """Append what is done now.

        Raises:
            Unavailable: the journal does not answer; nothing was written.
        """
        await self._journal.write(
            Entry(at=self._clock.now(), actor=actor or self._actor, deed=deed, version=version, reason=reason)
        )
