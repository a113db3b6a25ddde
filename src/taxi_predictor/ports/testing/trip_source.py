"""The contracts of TripSource with its parts, and of SourceCatalog."""

import json
import re
from abc import abstractmethod
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from datetime import timedelta

import pytest

from taxi_predictor.domain.errors import InvalidSource, MissingSource
from taxi_predictor.domain.plausibility import Rejection
from taxi_predictor.domain.trip import FinishedTrip
from taxi_predictor.ports.outbound.sources import CleanBatch, SourceCatalog, SourcePart, TripSource
from taxi_predictor.ports.testing.contract import Contract
from taxi_predictor.ports.testing.tables import Reject

__all__ = ["SourceCatalogContract", "TripSourceContract"]


def rejects_in(batch: CleanBatch) -> list[Reject]:
    columns = map(batch.rejects.table.get_column, ("row_number", "reason", "record"))
    return [(row, Rejection(reason), record) for row, reason, record in zip(*columns, strict=True)]


async def read(part: SourcePart) -> list[CleanBatch]:
    return [batch async for batch in part.batches()]


class TripSourceContract(Contract, of=TripSource):
    @abstractmethod
    def open(self) -> AbstractAsyncContextManager[TripSource]:
        """A source with trips, with rejects, and with more than one batch."""

    async def test_parts_have_names_of_their_own(self) -> None:
        """There is at least one, and asked again they are the same, in the same order."""
        async with self.open() as source:
            names = [part.name for part in await source.parts()]
            assert names
            assert len(set(names)) == len(names)
            assert [part.name for part in await source.parts()] == names

    async def test_every_row_read_is_a_trip_or_a_reject(self) -> None:
        """``read == len(trips) + len(rejects)``, and of those no more than all are ambiguous."""
        async with self.open() as source:
            for part in await source.parts():
                for batch in await read(part):
                    assert batch.read == len(batch.trips) + len(batch.rejects)
                    assert 0 <= batch.ambiguous_times <= batch.read

    async def test_rows_are_numbered_from_one_through_the_part(self) -> None:
        """Each number once, trips and rejects together, and no batch reaches behind the one before."""
        async with self.open() as source:
            for part in await source.parts():
                reached = 0
                for batch in await read(part):
                    trips, rejects = list(batch.row_numbers), [row for row, _, _ in rejects_in(batch)]
                    assert (trips, rejects) == (sorted(trips), sorted(rejects))
                    assert len(trips) == len(batch.trips)
                    assert sorted(trips + rejects) == list(range(reached + 1, reached + batch.read + 1))
                    reached += batch.read

    async def test_rows_announced_are_rows_read(self) -> None:
        """Where a part knows beforehand how many it has."""
        async with self.open() as source:
            for part in await source.parts():
                assert part.rows in (None, sum(batch.read for batch in await read(part)))

    async def test_each_reading_begins_anew(self) -> None:
        """Also after one that was given up."""

        def content(batches: Sequence[CleanBatch]) -> list[tuple[FinishedTrip | Reject, int]]:
            trips = [
                (trip, row)
                for batch in batches
                for trip, row in zip(batch.trips, batch.row_numbers, strict=True)
            ]
            return [*trips, *((reject, reject[0]) for batch in batches for reject in rejects_in(batch))]

        async with self.open() as source:
            for part in await source.parts():
                async for _batch in part.batches():
                    break
                first = content(await read(part))
                assert content(await read(part)) == first

    async def test_trips_are_whole_and_have_ids(self) -> None:
        """Instants in UTC, places, and 32 hexadecimal digits; there are some."""
        async with self.open() as source:
            trips = [
                trip for part in await source.parts() for batch in await read(part) for trip in batch.trips
            ]
        assert trips
        assert all(re.fullmatch("[0-9a-f]{32}", trip.trip_id) for trip in trips)
        assert all(trip.plan.pickup_at.utcoffset() == timedelta(0) for trip in trips)

    async def test_rejects_say_why_and_what_was_read(self) -> None:
        """A reason of the domain and the row as a JSON object; a duplicate is for the store to find."""
        async with self.open() as source:
            rejects = [
                reject
                for part in await source.parts()
                for batch in await read(part)
                for reject in rejects_in(batch)
            ]
        assert rejects
        assert Rejection.DUPLICATE not in {reason for _, reason, _ in rejects}
        assert all(isinstance(json.loads(record), dict) for _, _, record in rejects)

    async def test_a_column_is_ignored_or_missing_but_not_both(self) -> None:
        """Each is named once."""
        async with self.open() as source:
            for part in await source.parts():
                named = [*part.ignored_columns, *part.missing_columns]
                assert len(set(named)) == len(named)


class SourceCatalogContract(Contract, of=SourceCatalog):
    @abstractmethod
    def open(self) -> AbstractAsyncContextManager[SourceCatalog]:
        """A catalog; it knows neither the scheme ``no-such-scheme`` nor the file ``no-such-file``."""

    async def test_an_unknown_scheme_is_refused(self) -> None:
        """At once."""
        async with self.open() as catalog:
            with pytest.raises(InvalidSource):
                catalog.open("no-such-scheme:since=2023-01-01", zones=None)

    async def test_a_missing_source_is_noticed_when_it_is_read(self) -> None:
        """Opening reads nothing yet."""
        async with self.open() as catalog:
            source = catalog.open("no-such-file.parquet", zones=None)
            with pytest.raises(MissingSource):
                await source.parts()

    async def test_a_missing_zone_table_is_noticed(self) -> None:
        """By its own error, not one of the file system."""
        async with self.open() as catalog:
            with pytest.raises(MissingSource):
                await catalog.zones("no-such-file.csv")
