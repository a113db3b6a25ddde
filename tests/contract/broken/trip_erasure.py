"""Adapters that break what TripErasure promises."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import date, datetime

import polars as pl

from contract.breaking import breaks
from taxi_predictor.adapters.memory.trips import MemoryTripStore
from taxi_predictor.domain.errors import TripsChanged
from taxi_predictor.domain.trip import TripId
from taxi_predictor.domain.trip_sum import IDS, TripSum
from taxi_predictor.ports.outbound.sources import CleanBatch, PartName
from taxi_predictor.ports.outbound.trips import Added
from taxi_predictor.ports.testing.trip_erasure import TripErasureContract


@breaks(TripErasureContract, "test_a_month_goes_whole_and_no_other")
class DropsBySessionsClock(MemoryTripStore):
    async def drop_month(self, month: date, meant: TripSum, /) -> None:
        local = self._trips["pickup_at"].dt.convert_time_zone("America/New_York").dt.date()
        self._trips = self._trips.filter(local.dt.month_start() != month)


@breaks(TripErasureContract, "test_a_month_that_holds_other_trips_stays")
class DropsWhateverIsThere(MemoryTripStore):
    async def drop_month(self, month: date, meant: TripSum, /) -> None:
        is_in_month = pl.col("pickup_at").dt.date().dt.month_start() == month
        self._trips = self._trips.filter(~is_in_month)


@breaks(TripErasureContract, "test_ids_of_any_size_add_up", by=TripsChanged)
class AddsUpWithASign(MemoryTripStore):
    async def drop_month(self, month: date, meant: TripSum, /) -> None:
        low = [int(trip_id[16:], 16) for trip_id in self._trips["trip_id"]]
        short = sum(2**64 for one in low if one >= 2**63)
        await super().drop_month(month, replace(meant, ids=(meant.ids - short) % IDS))


@breaks(TripErasureContract, "test_a_month_without_trips_can_be_dropped", by=TripsChanged)
class KnowsOnlyMonthsWithTrips(MemoryTripStore):
    async def drop_month(self, month: date, meant: TripSum, /) -> None:
        if month not in {count.month for count in await self.counts()}:
            raise TripsChanged("there is no such month")
        await super().drop_month(month, meant)


@breaks(TripErasureContract, "test_only_the_named_trips_are_erased")
class ErasesAllOfAnInstant(MemoryTripStore):
    async def erase(self, trips: Sequence[tuple[datetime, TripId]], /) -> int:
        instants = {at for at, _ in trips}
        keys = self._trips.select("pickup_at", "trip_id").iter_rows()
        return await super().erase([key for key in keys if key[0] in instants])


@breaks(TripErasureContract, "test_a_trip_is_named_by_its_pickup_and_its_id")
class ErasesByIdAlone(MemoryTripStore):
    async def erase(self, trips: Sequence[tuple[datetime, TripId]], /) -> int:
        ids = {trip_id for _, trip_id in trips}
        keys = self._trips.select("pickup_at", "trip_id").iter_rows()
        return await super().erase([key for key in keys if key[1] in ids])


@breaks(TripErasureContract, "test_what_was_erased_can_be_stored_again")
class RefusesWhatWasErased(MemoryTripStore):
    erased: frozenset[TripId] = frozenset()

    async def erase(self, trips: Sequence[tuple[datetime, TripId]], /) -> int:
        self.erased |= {trip_id for _, trip_id in trips}
        return await super().erase(trips)

    async def add(self, part: PartName, batches: AsyncIterator[CleanBatch], /) -> Added:
        added = await super().add(part, batches)
        again = self._trips.filter(pl.col("trip_id").is_in(self.erased))
        self._trips = self._trips.join(again, on="trip_id", how="anti")
        return replace(added, added=added.added - len(again), known=added.known + len(again))
