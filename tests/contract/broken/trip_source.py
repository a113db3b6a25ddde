"""Adapters that break what SourceCatalog and TripSource promise."""

from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import replace

import polars as pl

from contract.breaking import breaks
from contract.running import A_NAME
from taxi_predictor.adapters.memory.sources import MemoryCatalog, MemoryPart, MemorySource
from taxi_predictor.domain.errors import MissingSource
from taxi_predictor.domain.place import ZoneTable
from taxi_predictor.domain.trip import TripBatch
from taxi_predictor.ports.outbound.sources import CleanBatch, RejectBatch, SourcePart, TripSource
from taxi_predictor.ports.testing.trip_source import SourceCatalogContract, TripSourceContract


@breaks(TripSourceContract, "test_parts_have_names_of_their_own")
class ServesAPartTwice(MemorySource):
    async def parts(self) -> Sequence[SourcePart]:
        return [*self._parts, *self._parts]


@breaks(TripSourceContract, "test_every_row_read_is_a_trip_or_a_reject")
class LosesARow(MemoryPart):
    async def batches(self) -> AsyncIterator[CleanBatch]:
        for batch in self.clean:
            yield replace(batch, read=batch.read + 1)


@breaks(TripSourceContract, "test_rows_are_numbered_from_one_through_the_part")
class NumbersEachBatchAnew(MemoryPart):
    async def batches(self) -> AsyncIterator[CleanBatch]:
        for _ in self.clean:
            yield self.clean[0]


@breaks(TripSourceContract, "test_rows_announced_are_rows_read")
class CountsTheHeading(MemoryPart):
    @property
    def rows(self) -> int | None:
        return sum(batch.read for batch in self.clean) + 1


@breaks(TripSourceContract, "test_each_reading_begins_anew")
class CanBeReadOnce(MemoryPart):
    async def batches(self) -> AsyncIterator[CleanBatch]:
        rest = list(self.clean)
        object.__setattr__(self, "clean", rest)
        while rest:
            yield rest.pop(0)


@breaks(TripSourceContract, "test_trips_are_whole_and_have_ids")
class WritesIdsInCapitals(MemoryPart):
    async def batches(self) -> AsyncIterator[CleanBatch]:
        for batch in self.clean:
            trips = batch.trips.table.with_columns(trip_id=pl.lit("ABCDEF"))  # type: ignore[attr-defined]
            yield replace(batch, trips=TripBatch(trips))


@breaks(TripSourceContract, "test_rejects_say_why_and_what_was_read")
class KeepsRowsAsLists(MemoryPart):
    async def batches(self) -> AsyncIterator[CleanBatch]:
        for batch in self.clean:
            rejects = batch.rejects.table.with_columns(record=pl.lit("[200]"))  # type: ignore[attr-defined]
            yield replace(batch, rejects=RejectBatch(rejects))


@breaks(TripSourceContract, "test_a_column_is_ignored_or_missing_but_not_both")
class IgnoresWhatIsMissing(MemorySource):
    async def parts(self) -> Sequence[SourcePart]:
        return [MemoryPart(name=A_NAME, ignored_columns=["fare"], missing_columns=["fare"])]


@breaks(SourceCatalogContract, "test_an_unknown_scheme_is_refused")
class TakesASchemeForAFile(MemoryCatalog):
    def open(self, spec: str, /, *, zones: ZoneTable | None) -> TripSource:
        return MemorySource(spec, [])


@breaks(SourceCatalogContract, "test_a_missing_source_is_noticed_when_it_is_read")
class MissingSourcesAreEmpty(MemoryCatalog):
    def open(self, spec: str, /, *, zones: ZoneTable | None) -> TripSource:
        return MemorySource(spec, [MemoryPart(name=A_NAME)])


@breaks(SourceCatalogContract, "test_a_missing_zone_table_is_noticed")
class MissingZonesAreNone(MemoryCatalog):
    async def zones(self, spec: str, /) -> ZoneTable:
        with suppress(MissingSource):
            return await super().zones(spec)
        return ZoneTable()
