"""Trips and quarantined rows in data frames."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from datetime import UTC, date, datetime

import msgspec
import polars as pl

from taxi_predictor.adapters.columns.sums import ids_sum
from taxi_predictor.adapters.columns.trips import TRIP_TYPES, trips_of
from taxi_predictor.adapters.memory.tables import REJECTS, rejects_of
from taxi_predictor.domain.errors import TripsChanged
from taxi_predictor.domain.place import Bounds
from taxi_predictor.domain.plausibility import Rejection
from taxi_predictor.domain.trip import TRIP_COLUMNS, TripBatch, TripId
from taxi_predictor.domain.trip_sum import TripSum
from taxi_predictor.ports.outbound.sources import CleanBatch, PartName, RejectBatch
from taxi_predictor.ports.outbound.trips import (
    Added,
    Ingest,
    IngestLog,
    Quarantine,
    RejectCount,
    TripCount,
    TripErasure,
    TripStore,
)

__all__ = ["BATCH_ROWS", "MemoryQuarantine", "MemoryTripStore"]

BATCH_ROWS = 65_536


class MemoryQuarantine(Quarantine):
    def __init__(self, *, batch_rows: int = BATCH_ROWS) -> None:
        self._batch_rows = batch_rows
        self._rejects: dict[PartName, pl.DataFrame] = {}

    def replace(self, part: PartName, rejects: pl.DataFrame) -> None:
        """Put *rejects* in place of the former ones of *part*."""
        self._rejects[part] = rejects.sort("row_number", maintain_order=True)

    async def counts(self) -> Sequence[RejectCount]:
        return [
            RejectCount(part=part, reason=Rejection(reason), rows=rows)
            for part, rejects in self._by_part()
            for reason, rows in rejects.group_by("reason").len().sort("reason").iter_rows()
        ]

    async def rejects(
        self, *, part: PartName | None = None, reason: Rejection | None = None
    ) -> AsyncGenerator[tuple[PartName, RejectBatch], None]:
        for name, rejects in self._by_part():
            if part is None or name == part:
                chosen = rejects if reason is None else rejects.filter(pl.col("reason") == reason.value)
                for rows in chosen.iter_slices(self._batch_rows):
                    if len(rows):
                        yield name, RejectBatch(rows)

    def _by_part(self) -> list[tuple[PartName, pl.DataFrame]]:
        return sorted(self._rejects.items(), key=lambda item: (item[0].family, item[0].name))


class MemoryTripStore(TripStore, TripErasure, IngestLog):
    """All trips in one frame, replaced as a whole: a reader keeps the frame it began with."""

    def __init__(self, quarantine: MemoryQuarantine, *, batch_rows: int = BATCH_ROWS) -> None:
        self._quarantine = quarantine
        self._batch_rows = batch_rows
        self._trips = pl.DataFrame(schema={**TRIP_TYPES, "family": pl.String})
        self._ingests: list[Ingest] = []

    @property
    def all(self) -> pl.DataFrame:
        """Every trip, with the ``family`` it came with."""
        return self._trips

    async def add(self, part: PartName, batches: AsyncIterator[CleanBatch], /) -> Added:
        trips = [pl.DataFrame(schema={**TRIP_TYPES, "row_number": pl.Int64})]
        rejects = [pl.DataFrame(schema=REJECTS)]
        async for batch in batches:
            row_numbers = pl.Series("row_number", list(batch.row_numbers), dtype=pl.Int64)
            trips.append(trips_of(batch.trips.table).with_columns(row_numbers))
            rejects.append(rejects_of(batch.rejects.table))

        # From here on nothing waits, so nobody sees a part that is half in.
        offered = pl.concat(trips).sort("row_number", maintain_order=True)
        is_first = pl.struct("pickup_at", "trip_id").is_first_distinct()
        kept, repeated = offered.filter(is_first), offered.filter(~is_first)
        new = kept.drop("row_number").join(self._trips, on=["pickup_at", "trip_id"], how="anti")
        stored = pl.concat([self._trips, new.with_columns(family=pl.lit(part.family))])
        refused = pl.concat([*rejects, _as_rejects(repeated)])
        self._quarantine.replace(part, refused)
        self._ingests.append(
            Ingest(
                part=part,
                stored_at=datetime.now(UTC),
                added=len(new),
                known=len(kept) - len(new),
                rejected=len(refused),
            )
        )
        self._trips = stored.sort("pickup_at", "trip_id")
        return Added(added=len(new), known=len(kept) - len(new), duplicates=len(repeated))

    async def between(
        self,
        since: datetime | None,
        until: datetime | None,
        /,
        *,
        pickup_in: Bounds | None = None,
        dropoff_in: Bounds | None = None,
        family: str | None = None,
    ) -> AsyncGenerator[TripBatch, None]:
        trips = self._before(until)
        if family is not None:
            trips = trips.filter(pl.col("family") == family)
        if since is not None:
            trips = trips.filter(pl.col("pickup_at") >= since.astimezone(UTC))
        for end, box in (("pickup", pickup_in), ("dropoff", dropoff_in)):
            if box is not None:
                trips = trips.filter(
                    pl.col(f"{end}_lat_deg").is_between(box.south_deg, box.north_deg),
                    pl.col(f"{end}_lon_deg").is_between(box.west_deg, box.east_deg),
                )
        for rows in trips.select(TRIP_COLUMNS).iter_slices(self._batch_rows):
            if len(rows):
                yield TripBatch(rows)

    async def days(self, time_zone: str, until: datetime | None, /) -> Sequence[tuple[date, int]]:
        local_day = pl.col("pickup_at").dt.convert_time_zone(time_zone).dt.date()
        return self._before(until).group_by(day=local_day).len().sort("day").rows()

    async def counts(self) -> Sequence[TripCount]:
        by_month = self._trips.group_by("family", month=pl.col("pickup_at").dt.date().dt.month_start()).len()
        return [
            TripCount(family=family, month=month, trips=trips)
            for family, month, trips in by_month.sort("family", "month").iter_rows()
        ]

    async def families(self, since: datetime, until: datetime, /) -> Sequence[str]:
        trips = self._before(until).filter(pl.col("pickup_at") >= since.astimezone(UTC))
        return sorted(trips["family"].unique())

    async def ingests(self, *, limit: int) -> Sequence[Ingest]:
        return self._ingests[::-1][:limit]

    async def erase(self, trips: Sequence[tuple[datetime, TripId]], /) -> int:
        named = {(at.astimezone(UTC), trip_id) for at, trip_id in trips}
        keys = self._trips.select("pickup_at", "trip_id").iter_rows()
        kept = self._trips.filter(pl.Series([key not in named for key in keys], dtype=pl.Boolean))
        erased, self._trips = len(self._trips) - len(kept), kept
        return erased

    async def drop_month(self, month: date, meant: TripSum, /) -> None:
        is_in_month = pl.col("pickup_at").dt.date().dt.month_start() == month
        if ids_sum(self._trips.filter(is_in_month)["trip_id"]) != meant:
            raise TripsChanged(f"the trips of {month:%Y-%m} are not those that were to be removed")
        self._trips = self._trips.filter(~is_in_month)

    def _before(self, until: datetime | None) -> pl.DataFrame:
        if until is None:
            return self._trips
        return self._trips.filter(pl.col("pickup_at") < until.astimezone(UTC))


def _as_rejects(repeated: pl.DataFrame) -> pl.DataFrame:
    """Trips that stood earlier in their part, as rows of the quarantine.

    The row as it was read is no longer known here, so the record is the trip made of it.
    """
    trips = repeated.select(TRIP_COLUMNS).iter_rows(named=True)
    records = pl.Series([msgspec.json.encode(trip).decode() for trip in trips], dtype=pl.String)
    reason = pl.lit(Rejection.DUPLICATE.value)
    return repeated.select("row_number", reason=reason, record=records).cast(REJECTS)  # type: ignore[arg-type] # wants an invariant dict
