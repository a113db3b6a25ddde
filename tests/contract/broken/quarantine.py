"""Adapters that break what Quarantine promises."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence

import polars as pl

from contract.breaking import breaks
from taxi_predictor.adapters.memory.tables import table
from taxi_predictor.adapters.memory.trips import MemoryQuarantine, MemoryTripStore
from taxi_predictor.domain.plausibility import Rejection
from taxi_predictor.ports.outbound.sources import CleanBatch, PartName, RejectBatch
from taxi_predictor.ports.outbound.trips import Added, RejectCount
from taxi_predictor.ports.testing.quarantine import QuarantineContract


@breaks(QuarantineContract, "test_rejects_come_by_part_and_row_number")
class RejectsAsTheyCame(MemoryQuarantine):
    def replace(self, part: PartName, rejects: pl.DataFrame) -> None:
        self._rejects[part] = rejects


@breaks(QuarantineContract, "test_rejects_come_by_part_and_row_number")
class PartsAsTheyCame(MemoryQuarantine):
    def _by_part(self) -> list[tuple[PartName, pl.DataFrame]]:
        return list(self._rejects.items())


@breaks(QuarantineContract, "test_rejects_of_one_part_and_reason")
class TakesOneFilterForBoth(MemoryQuarantine):
    async def rejects(
        self, *, part: PartName | None = None, reason: Rejection | None = None
    ) -> AsyncGenerator[tuple[PartName, RejectBatch], None]:
        async for one in super().rejects(part=part, reason=None if part else reason):
            yield one


@breaks(QuarantineContract, "test_no_batch_of_rejects_is_empty")
class YieldsPartsWithoutRejects(MemoryQuarantine):
    async def rejects(
        self, *, part: PartName | None = None, reason: Rejection | None = None
    ) -> AsyncGenerator[tuple[PartName, RejectBatch], None]:
        for name, rejects in self._by_part():
            yield name, RejectBatch(rejects.filter(pl.col("reason") == reason))


@breaks(QuarantineContract, "test_rejects_are_counted_by_part_and_reason")
class CountsPartsOnly(MemoryQuarantine):
    async def counts(self) -> Sequence[RejectCount]:
        return [
            RejectCount(part=part, reason=Rejection(rejects["reason"][0]), rows=len(rejects))
            for part, rejects in self._by_part()
        ]


@breaks(QuarantineContract, "test_former_rejects_of_a_part_are_replaced")
class KeepsFormerRejects(MemoryQuarantine):
    def replace(self, part: PartName, rejects: pl.DataFrame) -> None:
        super().replace(part, pl.concat([self._rejects.get(part, rejects.clear()), rejects]))


@breaks(QuarantineContract, "test_a_repeated_trip_is_quarantined_as_a_duplicate")
class ForgetsDuplicates(MemoryQuarantine):
    def replace(self, part: PartName, rejects: pl.DataFrame) -> None:
        super().replace(part, rejects.filter(pl.col("reason") != Rejection.DUPLICATE.value))


@breaks(QuarantineContract, "test_a_known_trip_is_no_reject")
class QuarantinesKnownTrips(MemoryTripStore):
    async def add(self, part: PartName, batches: AsyncIterator[CleanBatch], /) -> Added:
        added = await super().add(part, batches)
        rows = [(row, "duplicate", "{}") for row in range(added.known)]
        if rows:
            self._quarantine.replace(part, table(("row_number", "reason", "record"), rows))
        return added


@breaks(QuarantineContract, "test_a_record_may_be_any_json_object")
class DropsNullCharacters(MemoryQuarantine):
    def replace(self, part: PartName, rejects: pl.DataFrame) -> None:
        without = pl.col("record").str.replace_all("\\u0000", "", literal=True)
        super().replace(part, rejects.with_columns(without))
