"""Moving trips that are no longer needed every day from the store into the archive."""

from collections.abc import Sequence
from contextlib import aclosing
from datetime import UTC, date, datetime
from itertools import groupby

from taxi_predictor.domain.trip_sum import TripSum
from taxi_predictor.ports.outbound.archive import ArchivedTrips, TripArchive
from taxi_predictor.ports.outbound.clock import Clock
from taxi_predictor.ports.outbound.progress import Progress
from taxi_predictor.ports.outbound.trips import TripErasure, TripStore

__all__ = ["TripArchiving"]


class TripArchiving:
    def __init__(
        self,
        *,
        trips: TripStore,
        erasure: TripErasure,
        archive: TripArchive,
        clock: Clock,
        progress: Progress,
    ) -> None:
        self._trips = trips
        self._erasure = erasure
        self._archive = archive
        self._clock = clock
        self._progress = progress

    async def archive(self, *, keep_months: int) -> Sequence[ArchivedTrips]:
        """Move the trips of months (UTC) before the last *keep_months* and the one that runs.

        Month by month: all of its trips are in the archive, and were read back, before the store lets go
        of them, if it still holds those and no others. Wherever it is stopped, each trip is in one of the
        two or in both, and doing it again does what was not done.

        Raises:
            TripsChanged: trips came into a month while it was archived; that month stays.
            StorageFull: the archive has no room.
            Unavailable: one of the two does not answer; months that are done stay done.
        """
        before = first_kept(self._clock.now(), keep_months)
        counts = [count for count in await self._trips.counts() if count.month < before]
        counts.sort(key=lambda count: (count.month, count.family))
        done: list[ArchivedTrips] = []
        with self._progress.step("archive trips", total=float(sum(count.trips for count in counts))) as step:
            for month, of_month in groupby(counts, key=lambda count: count.month):
                step.say(f"{month:%Y-%m}")
                archived = []
                for count in of_month:
                    archived.append(await self._write(count.family, month))
                    step.advance(float(count.trips))
                await self._erasure.drop_month(month, sum((kept.sum for kept in archived), TripSum()))
                done += archived
        return done

    async def _write(self, family: str, month: date) -> ArchivedTrips:
        since = datetime(month.year, month.month, 1, tzinfo=UTC)
        until = datetime(month.year + month.month // 12, month.month % 12 + 1, 1, tzinfo=UTC)
        async with aclosing(self._trips.between(since, until, family=family)) as batches:
            return await self._archive.write(family, month, batches)


def first_kept(now: datetime, keep_months: int) -> date:
    """The first month that is kept: *keep_months* before the one of *now* (UTC)."""
    months = now.astimezone(UTC).year * 12 + now.astimezone(UTC).month - 1 - keep_months
    return date(months // 12, months % 12 + 1, 1)
