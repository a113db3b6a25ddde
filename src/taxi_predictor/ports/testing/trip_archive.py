"""The contract of TripArchive."""

from abc import abstractmethod
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import date, timedelta

import pytest
from hypothesis import given

from taxi_predictor.domain.errors import MissingSource, UnreadableSource
from taxi_predictor.domain.trip import FinishedTrip, TripBatch
from taxi_predictor.domain.trip_sum import TripSum
from taxi_predictor.ports.outbound.archive import ArchivedTrips, TripArchive
from taxi_predictor.ports.testing.samples import NOON, a_trip
from taxi_predictor.ports.testing.tables import CONTRACT, TableMaker
from taxi_predictor.ports.testing.trip_store import histories

__all__ = ["TripArchiveContract"]

JANUARY = date(2023, 1, 1)


class TripArchiveContract(TableMaker, of=TripArchive):
    @abstractmethod
    def open(self) -> AbstractAsyncContextManager[TripArchive]:
        """An empty archive, fresh each time."""

    async def batches(self, *groups: Sequence[FinishedTrip]) -> AsyncIterator[TripBatch]:
        for group in groups:
            yield self.trip_batch(group)

    @CONTRACT
    @given(trips=histories(min_size=1))
    async def test_what_was_written_is_read(self, trips: list[FinishedTrip]) -> None:
        """Every value, in the order in which it came, whatever the batches."""
        async with self.open() as archive:
            kept = await archive.write("sample", JANUARY, self.batches(trips[:1], trips[1:]))
            assert (kept.family, kept.month) == ("sample", JANUARY)
            assert kept.sum == TripSum.of(trip.trip_id for trip in trips)
            assert await _read(archive, kept) == trips

    async def test_the_same_trips_are_the_same_archive(self) -> None:
        """Written twice, they are there once."""
        async with self.open() as archive:
            once, again = [
                await archive.write("sample", JANUARY, self.batches([a_trip(1), a_trip(2)])) for _ in range(2)
            ]
            assert once == again
            assert await _read(archive, again) == [a_trip(1), a_trip(2)]

    async def test_what_is_there_is_never_replaced(self) -> None:
        """Other trips of that month, and trips of another family or month, stand beside the former ones."""
        later = a_trip(1, at=NOON + timedelta(days=31))
        async with self.open() as archive:
            kept = [
                (await archive.write(family, month, self.batches([trip])), trip)
                for family, month, trip in (
                    ("sample", JANUARY, a_trip(1)),
                    ("sample", JANUARY, a_trip(2)),
                    ("other", JANUARY, a_trip(1)),
                    ("sample", date(2023, 2, 1), later),
                )
            ]
            for archived, trip in kept:
                assert await _read(archive, archived) == [trip]

    async def test_trips_that_break_off_leave_the_archive_as_it_was(self) -> None:
        """What *batches* raises comes out."""

        async def cut_short() -> AsyncIterator[TripBatch]:
            yield self.trip_batch([a_trip(1)])
            raise UnreadableSource("the table ends in the middle of a row")

        async with self.open() as archive:
            with pytest.raises(UnreadableSource, match="middle of a row"):
                await archive.write("sample", JANUARY, cut_short())
            kept = await archive.write("sample", JANUARY, self.batches([a_trip(1), a_trip(2)]))
            assert await _read(archive, kept) == [a_trip(1), a_trip(2)]

    async def test_what_was_never_written_is_missing(self) -> None:
        """By its own error."""
        async with self.open() as archive:
            with pytest.raises(MissingSource):
                async for _batch in archive.read("no-such-name"):
                    pytest.fail("it is there")


async def _read(archive: TripArchive, kept: ArchivedTrips) -> list[FinishedTrip]:
    return [trip async for batch in archive.read(kept.name) for trip in batch]
