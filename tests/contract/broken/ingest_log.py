"""Adapters that break what IngestLog promises."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

from contract.breaking import breaks
from taxi_predictor.adapters.memory.trips import MemoryTripStore
from taxi_predictor.ports.outbound.sources import CleanBatch, PartName
from taxi_predictor.ports.outbound.trips import Added, Ingest
from taxi_predictor.ports.testing.ingest_log import IngestLogContract
from taxi_predictor.ports.testing.samples import NOON


@breaks(IngestLogContract, "test_the_newest_part_comes_first")
class OldestFirst(MemoryTripStore):
    async def ingests(self, *, limit: int) -> Sequence[Ingest]:
        return self._ingests[:limit]


@breaks(IngestLogContract, "test_a_part_that_broke_is_not_there")
class LogsAttempts(MemoryTripStore):
    async def add(self, part: PartName, batches: AsyncIterator[CleanBatch], /) -> Added:
        attempt = Ingest(part=part, stored_at=NOON, added=0, known=0, rejected=0)
        self._ingests.append(attempt)
        added = await super().add(part, batches)
        self._ingests.remove(attempt)
        return added


@breaks(IngestLogContract, "test_it_tells_what_became_of_the_rows")
class KnownAreNew(MemoryTripStore):
    async def ingests(self, *, limit: int) -> Sequence[Ingest]:
        return [
            replace(one, added=one.added + one.known, known=0) for one in await super().ingests(limit=limit)
        ]
