"""Old months go from the store into the archive, and no trip is ever in neither."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from polars_tables import Polars
from servers import open_database, postgres_dsn
from taxi_predictor.adapters.memory.archive import MemoryTripArchive
from taxi_predictor.adapters.memory.clock import MemoryClock
from taxi_predictor.adapters.memory.progress import MemoryProgress
from taxi_predictor.adapters.memory.trips import MemoryQuarantine, MemoryTripStore
from taxi_predictor.adapters.postgres.trips import PostgresTripStore
from taxi_predictor.adapters.sources.files import FileSource
from taxi_predictor.apps.commands.archiving import archive
from taxi_predictor.domain.errors import MissingSource, StorageFull, TripsChanged
from taxi_predictor.domain.trip import FinishedTrip, TripBatch, TripId
from taxi_predictor.ports.inbound.trips.archiving import TripArchiving
from taxi_predictor.ports.outbound.archive import ArchivedTrips
from taxi_predictor.ports.outbound.sources import PartName
from taxi_predictor.ports.outbound.trips import TripStore
from taxi_predictor.ports.testing.samples import a_trip
from taxi_predictor.ports.testing.strategies import A_CITY
from taxi_predictor.ports.testing.tables import stream
from taxi_predictor.ports.testing.trip_store import read

NOW = datetime(2023, 4, 10, tzinfo=UTC)
JANUARY, FEBRUARY, MARCH = (datetime(2023, month, 28, 23, tzinfo=UTC) for month in (1, 2, 3))
OLD = [a_trip(1, at=JANUARY), a_trip(2, at=JANUARY), a_trip(3, at=FEBRUARY)]
NEW = [a_trip(4, at=MARCH), a_trip(5, at=NOW)]


class NoRoom(MemoryTripArchive):
    """Takes the trips of January, and no others."""

    async def write(self, family: str, month: date, batches: AsyncIterator[TripBatch], /) -> ArchivedTrips:
        if month.month != 1:
            raise StorageFull("no room")
        return await super().write(family, month, batches)


class Busy(MemoryTripArchive):
    """While it writes first, another trip comes into the store."""

    is_first = True

    def __init__(self, store: MemoryTripStore) -> None:
        super().__init__()
        self._store = store

    async def write(self, family: str, month: date, batches: AsyncIterator[TripBatch], /) -> ArchivedTrips:
        archived = await super().write(family, month, batches)
        if self.is_first and family == "sample":
            self.is_first = False
            await put(self._store, "late", [a_trip(9, at=JANUARY)])
        return archived


async def put(store: TripStore, name: str, trips: list[FinishedTrip], *, family: str = "sample") -> None:
    await store.add(PartName(family=family, name=name), stream(Polars().clean_batch(trips)))


async def filled() -> MemoryTripStore:
    store = MemoryTripStore(MemoryQuarantine())
    await put(store, "one", [OLD[0], *OLD[2:], *NEW])
    await put(store, "two", [OLD[1]], family="other")
    return store


def archiving(store: MemoryTripStore, into: MemoryTripArchive) -> TripArchiving:
    return TripArchiving(
        trips=store, erasure=store, archive=into, clock=MemoryClock(NOW), progress=MemoryProgress()
    )


async def test_months_before_those_that_are_kept_move_by_family() -> None:
    store, into = await filled(), MemoryTripArchive()
    done = await archiving(store, into).archive(keep_months=1)
    assert [(one.month.month, one.family, one.sum.trips) for one in done] == [
        (1, "other", 1),
        (1, "sample", 1),
        (2, "sample", 1),
    ]
    assert await read(store) == NEW
    archived = [trip for one in done async for batch in into.read(one.name) for trip in batch]
    assert sorted(archived, key=lambda trip: trip.trip_id) == OLD
    assert await archiving(store, into).archive(keep_months=1) == []


@pytest.mark.parametrize(("keep_months", "left"), [(2, 3), (3, 5), (100, 5)])
async def test_so_many_whole_months_stay_beside_the_one_that_runs(keep_months: int, left: int) -> None:
    store = await filled()
    await archiving(store, MemoryTripArchive()).archive(keep_months=keep_months)
    assert len(await read(store)) == left


async def test_a_month_that_finds_no_room_stays_and_those_that_did_are_done() -> None:
    store = await filled()
    with pytest.raises(StorageFull):
        await archiving(store, NoRoom()).archive(keep_months=1)
    assert await read(store) == [*OLD[2:], *NEW]


async def test_a_month_into_which_trips_came_meanwhile_stays() -> None:
    store = await filled()
    late = Busy(store)
    with pytest.raises(TripsChanged):
        await archiving(store, late).archive(keep_months=1)
    assert len(await read(store)) == 6
    await archiving(store, late).archive(keep_months=1)
    assert await read(store) == NEW


@pytest.mark.parametrize("moment", ["while it writes", "before it drops", "after it dropped"])
async def test_no_trip_is_lost_by_a_kill_and_repeating_ends_it(moment: str, tmp_path: Path) -> None:
    def run(moment: str) -> int:
        here = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, filter(None, sys.path)))}
        command = [sys.executable, "-m", "apps.killed_archiving", postgres_dsn(), str(tmp_path)]
        return subprocess.run([*command, NOW.isoformat(), moment], env=here).returncode

    async with open_database() as pool:
        store = PostgresTripStore(pool)
        await put(store, "one", [*OLD, *NEW])
        assert await asyncio.to_thread(run, moment) == -9
        assert {*map(_id, await read(store)), *map(_id, await archived(tmp_path))} == {
            *map(_id, [*OLD, *NEW])
        }
        assert await asyncio.to_thread(run, "never") == 0
        assert await read(store) == NEW
        assert sorted(await archived(tmp_path), key=_id) == OLD


async def archived(folder: Path) -> list[FinishedTrip]:
    """What a training would read of the archive."""
    found: list[FinishedTrip] = []
    with suppress(MissingSource):
        for part in await FileSource(folder, city=A_CITY, zones=None).parts():
            async for batch in part.batches():
                assert not len(batch.rejects)
                found += batch.trips
    return found


def _id(trip: FinishedTrip) -> TripId:
    return trip.trip_id


@pytest.mark.filterwarnings("ignore::taxi_predictor.apps.profiles.memory.NotForProduction")
async def test_the_command_says_what_it_did(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TAXI_PROFILE", "memory")
    await archive(keep_months=12)
    assert capsys.readouterr().out == "nothing to do: no trip is stored from before the last 12 months\n"
    await archive(json=True)
    assert json.loads(capsys.readouterr().out) == []
