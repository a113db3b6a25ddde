"""Adapters that break what TripArchive promises."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import suppress
from dataclasses import replace
from datetime import date

import polars as pl

from contract.breaking import breaks
from taxi_predictor.adapters.columns.arrays import frame
from taxi_predictor.adapters.memory.archive import MemoryTripArchive
from taxi_predictor.domain.errors import MissingSource, UnreadableSource
from taxi_predictor.domain.trip import TripBatch
from taxi_predictor.ports.outbound.archive import ArchivedTrips
from taxi_predictor.ports.testing.trip_archive import TripArchiveContract


@breaks(TripArchiveContract, "test_what_was_written_is_read")
class ArchivesWholeSeconds(MemoryTripArchive):
    async def read(self, name: str, /) -> AsyncGenerator[TripBatch, None]:
        async for batch in super().read(name):
            yield TripBatch(frame(batch.table).with_columns(pl.col("duration_s").round()))


@breaks(TripArchiveContract, "test_the_same_trips_are_the_same_archive")
class NumbersWhatItKeeps(MemoryTripArchive):
    async def write(self, family: str, month: date, batches: AsyncIterator[TripBatch], /) -> ArchivedTrips:
        kept = await super().write(family, month, batches)
        name = f"{kept.name} {len(self._kept)}"
        self._kept[name] = self._kept[kept.name]
        return replace(kept, name=name)


@breaks(TripArchiveContract, "test_what_is_there_is_never_replaced")
class KeepsOneOfAMonth(MemoryTripArchive):
    async def write(self, family: str, month: date, batches: AsyncIterator[TripBatch], /) -> ArchivedTrips:
        kept = await super().write(family, month, batches)
        name = f"{family} {month}"
        self._kept[name] = self._kept[kept.name]
        return replace(kept, name=name)


@breaks(TripArchiveContract, "test_trips_that_break_off_leave_the_archive_as_it_was")
class ArchivesWhatCame(MemoryTripArchive):
    async def write(self, family: str, month: date, batches: AsyncIterator[TripBatch], /) -> ArchivedTrips:
        async def so_far() -> AsyncIterator[TripBatch]:
            with suppress(UnreadableSource):
                async for batch in batches:
                    yield batch

        return await super().write(family, month, so_far())


@breaks(TripArchiveContract, "test_what_was_never_written_is_missing")
class WhatIsMissingIsEmpty(MemoryTripArchive):
    async def read(self, name: str, /) -> AsyncGenerator[TripBatch, None]:
        with suppress(MissingSource):
            async for batch in super().read(name):
                yield batch
