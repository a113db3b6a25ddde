"""Adapters that break what TripStore promises."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl

from contract.breaking import breaks
from taxi_predictor.adapters.memory.trips import MemoryTripStore
from taxi_predictor.domain.trip import TripBatch
from taxi_predictor.ports.outbound.sources import CleanBatch, PartName
from taxi_predictor.ports.outbound.trips import Added, TripCount
from taxi_predictor.ports.testing.tables import stream
from taxi_predictor.ports.testing.trip_store import TripStoreContract


@breaks(TripStoreContract, "test_the_first_write_wins")
class SecondWriteWins(MemoryTripStore):
    async def add(self, part: PartName, batches: AsyncIterator[CleanBatch], /) -> Added:
        known, self._trips = self._trips, self._trips.clear()
        added = await super().add(part, batches)
        kept = known.join(self._trips, on="trip_id", how="anti")
        replaced = len(known) - len(kept)
        self._trips = pl.concat([kept, self._trips]).sort("pickup_at", "trip_id")
        return replace(added, added=added.added - replaced, known=replaced)


@breaks(TripStoreContract, "test_a_part_that_breaks_leaves_nothing")
@breaks(TripStoreContract, "test_a_reader_never_sees_half_a_part")
class KeepsHalfAPart(MemoryTripStore):
    async def add(self, part: PartName, batches: AsyncIterator[CleanBatch], /) -> Added:
        total = Added(added=0, known=0, duplicates=0)
        async for batch in batches:
            one = await super().add(part, stream(batch))
            total = replace(total, added=total.added + one.added)
        return total


@breaks(TripStoreContract, "test_what_was_stored_comes_back_unchanged_and_in_order")
class ForgetsToBreakTies(MemoryTripStore):
    async def between(
        self, since: datetime | None, until: datetime | None, /, **boxes: Any
    ) -> AsyncIterator[TripBatch]:
        self._trips = self._trips.sort("pickup_at", "trip_id", descending=[False, True])
        async for batch in super().between(since, until, **boxes):
            yield batch


@breaks(TripStoreContract, "test_what_was_stored_comes_back_unchanged_and_in_order")
class KeepsWholeSeconds(MemoryTripStore):
    async def between(
        self, since: datetime | None, until: datetime | None, /, **boxes: Any
    ) -> AsyncIterator[TripBatch]:
        async for batch in super().between(since, until, **boxes):
            yield TripBatch(batch.table.with_columns(pl.col("duration_s").round()))  # type: ignore[attr-defined]


@breaks(TripStoreContract, "test_no_batch_is_empty")
class EndsWithAnEmptyBatch(MemoryTripStore):
    async def between(
        self, since: datetime | None, until: datetime | None, /, **boxes: Any
    ) -> AsyncIterator[TripBatch]:
        async for batch in super().between(since, until, **boxes):
            yield batch
        yield TripBatch(self._trips.drop("family").clear())


@breaks(TripStoreContract, "test_a_window_holds_its_beginning_and_not_its_end")
class WindowsHoldTheirEnd(MemoryTripStore):
    def _before(self, until: datetime | None) -> pl.DataFrame:
        return super()._before(until and until + timedelta(microseconds=1))


@breaks(TripStoreContract, "test_a_window_may_be_given_in_any_time_zone")
class TakesAnyClockForUtc(MemoryTripStore):
    async def between(
        self, since: datetime | None, until: datetime | None, /, **boxes: Any
    ) -> AsyncIterator[TripBatch]:
        since, until = (limit and limit.replace(tzinfo=UTC) for limit in (since, until))
        async for batch in super().between(since, until, **boxes):
            yield batch


@breaks(TripStoreContract, "test_boxes_hold_their_edges_and_the_time_still_counts")
class LooksAtOneEndOnly(MemoryTripStore):
    async def between(
        self, since: datetime | None, until: datetime | None, /, **boxes: Any
    ) -> AsyncIterator[TripBatch]:
        async for batch in super().between(since, until, pickup_in=boxes.get("pickup_in")):
            yield batch


@breaks(TripStoreContract, "test_a_reader_may_stop_early")
class WaitsForItsReaders(MemoryTripStore):
    is_read = False

    async def between(
        self, since: datetime | None, until: datetime | None, /, **boxes: Any
    ) -> AsyncIterator[TripBatch]:
        if not self.is_read:
            self.is_read = True
            async for batch in super().between(since, until, **boxes):
                yield batch
            self.is_read = False


@breaks(TripStoreContract, "test_a_second_add_adds_nothing")
class CountsWhatItKnowsAsAdded(MemoryTripStore):
    async def add(self, part: PartName, batches: AsyncIterator[CleanBatch], /) -> Added:
        added = await super().add(part, batches)
        return replace(added, added=added.added + added.known, known=0)


@breaks(TripStoreContract, "test_of_equal_trips_in_a_part_the_lowest_row_number_is_kept")
class KeepsTheFirstToCome(MemoryTripStore):
    async def add(self, part: PartName, batches: AsyncIterator[CleanBatch], /) -> Added:
        async def renumbered() -> AsyncIterator[CleanBatch]:
            row = 0
            async for batch in batches:
                yield replace(batch, row_numbers=range(row, row + len(batch.trips)))
                row += len(batch.trips)

        return await super().add(part, renumbered())


@breaks(TripStoreContract, "test_an_id_at_another_instant_is_another_trip")
class LooksAtIdsAlone(MemoryTripStore):
    async def add(self, part: PartName, batches: AsyncIterator[CleanBatch], /) -> Added:
        ids = set(self._trips["trip_id"])

        async def unheard_of() -> AsyncIterator[CleanBatch]:
            async for batch in batches:
                rows = batch.trips.table.get_column("trip_id")
                keep = [trip_id not in ids for trip_id in rows]
                numbers = [row for row, kept in zip(batch.row_numbers, keep, strict=True) if kept]
                yield replace(batch, trips=TripBatch(batch.trips.table.filter(keep)), row_numbers=numbers)

        return await super().add(part, unheard_of())


@breaks(TripStoreContract, "test_every_trip_offered_is_added_known_or_a_duplicate")
class CountsDuplicatesAsKnown(MemoryTripStore):
    async def add(self, part: PartName, batches: AsyncIterator[CleanBatch], /) -> Added:
        added = await super().add(part, batches)
        return replace(added, known=added.known + added.duplicates, duplicates=0)


@breaks(TripStoreContract, "test_two_parts_at_once_store_a_trip_once")
class WritersDoNotSeeEachOther(MemoryTripStore):
    async def add(self, part: PartName, batches: AsyncIterator[CleanBatch], /) -> Added:
        mine = MemoryTripStore(self._quarantine)
        mine._trips = self._trips
        await asyncio.sleep(0)
        added = await mine.add(part, batches)
        self._trips = mine._trips
        return added


@breaks(TripStoreContract, "test_a_reader_under_way_sees_a_new_part_whole_or_not_at_all")
class ReadsByOffset(MemoryTripStore):
    async def between(
        self, since: datetime | None, until: datetime | None, /, **boxes: Any
    ) -> AsyncIterator[TripBatch]:
        offset = 0
        while len(rows := self._trips.drop("family").slice(offset, self._batch_rows)):
            yield TripBatch(rows)
            offset += len(rows)


@breaks(TripStoreContract, "test_a_family_may_be_read_alone")
class ReadsEveryFamily(MemoryTripStore):
    async def between(
        self, since: datetime | None, until: datetime | None, /, *, family: str | None = None, **boxes: Any
    ) -> AsyncIterator[TripBatch]:
        async for batch in super().between(since, until, **boxes):
            yield batch


@breaks(TripStoreContract, "test_days_are_those_of_the_clock_on_the_wall")
class CountsDaysInUtc(MemoryTripStore):
    async def days(self, time_zone: str, until: datetime | None, /) -> Sequence[tuple[date, int]]:
        return await super().days("UTC", until)


@breaks(TripStoreContract, "test_counts_are_by_family_and_month")
class CountsInNoOrder(MemoryTripStore):
    async def counts(self) -> Sequence[TripCount]:
        return (await super().counts())[::-1]


@breaks(TripStoreContract, "test_families_are_those_of_the_window")
class FamiliesOfTheWholeStore(MemoryTripStore):
    async def families(self, since: datetime, until: datetime, /) -> Sequence[str]:
        return sorted(self._trips["family"].unique())
