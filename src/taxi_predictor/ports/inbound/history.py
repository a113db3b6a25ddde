"""What was done to models."""

from collections.abc import Sequence

from taxi_predictor.ports.outbound.journal import Entry, Journal
from taxi_predictor.ports.outbound.models import ModelRegistry

__all__ = ["ModelHistory"]


class ModelHistory:
    def __init__(self, *, journal: Journal, registry: ModelRegistry) -> None:
        self._journal = journal
        self._registry = registry

    async def entries(self, limit: int) -> Sequence[Entry]:
        """The *limit* newest entries of the journal, newest first."""
        return await self._journal.entries(limit=limit)
