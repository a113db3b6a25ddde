"""Several processes on one database: they wait for each other and lose nothing."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from faults.commands import Home, Stored, clean_batch, empty_database, finish, part_counts
from taxi_predictor.adapters.postgres.migrations import migrate, migrations
from taxi_predictor.adapters.postgres.pool import open_pool
from taxi_predictor.adapters.postgres.trips import PostgresTripStore
from taxi_predictor.domain.plausibility import Rejection
from taxi_predictor.domain.trip import FinishedTrip
from taxi_predictor.ports.outbound.sources import CleanBatch, PartName
from taxi_predictor.ports.testing.samples import a_trip
from waiting import eventually

SOURCE = "simulation:trips=40000,months=2"
ZONES = "zone_id,zone,borough,centroid_lat,centroid_lon\n" + "".join(
    f"{number},Zone {number},Here,40.7,-73.9\n" for number in range(1, 200)
)


async def run_at_once(home: Home, *commands: tuple[str, ...]) -> list[str]:
    """Run the commands together; what each printed."""
    processes = [await home.start(*command) for command in commands]
    finished = await asyncio.gather(*map(finish, processes))
    assert [one.code for one in finished] == [0] * len(commands), [one.err for one in finished]
    return [one.out for one in finished]


async def test_of_two_ingests_of_the_same_source_each_trip_is_added_by_one(
    home: Home, database: asyncpg.Pool
) -> None:
    one, other = [await home.start("ingest", SOURCE, "--json") for _ in range(2)]
    reports = [(await finish(one)).report, (await finish(other)).report]
    parts = await part_counts(database)
    stored = sum(part.trips for part in parts.values())
    assert stored == sum(report.added for report in reports)
    assert stored == sum(report.known for report in reports)
    assert reports[0].rejected == reports[1].rejected
    assert {part.ingests for part in parts.values()} == {2}


async def test_ingests_of_different_months_make_their_partitions_at_once(
    home: Home, database: asyncpg.Pool
) -> None:
    """Both need the month in which the one ends and the other begins."""
    sources = [f"simulation:trips=20000,months=2,since=2024-0{month}-01,seed={month}" for month in (1, 2, 3)]
    await run_at_once(home, *(("ingest", source) for source in sources))
    stored = await part_counts(database)
    assert len(stored) == 6
    partitions = "select count(*) from pg_inherits where inhparent = 'taxi_trips'::regclass"
    assert await database.fetchval(partitions) == 5


async def waiting_in(database: asyncpg.Pool) -> int:
    """How many connections wait for what another one holds."""
    waits = "datname = current_database() and wait_event_type = 'Lock'"
    waiting: int = await database.fetchval(f"select count(*) from pg_stat_activity where {waits}")
    return waiting


async def test_two_parts_that_offer_the_same_trips_in_opposite_order_do_not_block_each_other(
    database: asyncpg.Pool,
) -> None:
    """Neither waits for a trip of the other while the other waits for one of its own."""
    trips = [a_trip(number) for number in range(2)]
    store = PostgresTripStore(database)
    has_begun, begun = asyncio.Event(), 0

    async def offered(*order: FinishedTrip) -> AsyncIterator[CleanBatch]:
        nonlocal begun
        for row, trip in enumerate(order, 1):
            yield clean_batch([trip], row_numbers=[row])
            if row == 1:
                begun += 1
                has_begun.set()
                await eventually(both_are_under_way, "both are under way, or one waits for the other")

    async def both_are_under_way() -> bool:
        return begun + await waiting_in(database) >= 2

    async with asyncio.timeout(20):
        first = asyncio.create_task(store.add(PartName(family="sample", name="one"), offered(*trips)))
        await has_begun.wait()
        second = await store.add(PartName(family="sample", name="two"), offered(*trips[::-1]))
        added = await first
    assert (added.added, added.known) == (2, 0)
    assert (second.added, second.known) == (0, 2)


@pytest.mark.parametrize("isolation", ["read committed", "repeatable read"])
async def test_a_part_with_rejects_that_comes_in_several_times_at_once_keeps_them_once(
    home: Home, isolation: str
) -> None:
    """Whichever isolation the database gives to those who ask for none."""
    assert home.dsn is not None
    async with asyncpg.create_pool(home.dsn, min_size=0, max_size=1) as database:
        name = await database.fetchval("select current_database()")
        await database.execute(f"alter database {name} set default_transaction_isolation = '{isolation}'")
    part, trips = PartName(family="sample", name="again"), [a_trip(number) for number in range(3)]

    begun = 0

    async def offered() -> AsyncIterator[CleanBatch]:
        nonlocal begun
        yield clean_batch(trips, rejects=[(9, Rejection.TOO_SHORT, "{}")])
        begun += 1
        await eventually(all_are_under_way, "all are under way, or wait for another")
        yield clean_batch(trips[:1], row_numbers=[10])

    async def all_are_under_way() -> bool:
        return begun + await waiting_in(database) >= 4

    async with open_pool(home.dsn, max_size=5) as database:
        store = PostgresTripStore(database)
        async with asyncio.timeout(20):
            added = await asyncio.gather(*(store.add(part, offered()) for _ in range(4)))
        assert sorted((one.added, one.known, one.duplicates) for one in added) == [(0, 3, 1)] * 3 + [
            (3, 0, 1)
        ]
        rows = await database.fetch("select row_number, reason from trip_rejects order by row_number")
        assert [tuple(row) for row in rows] == [(9, "too-short"), (10, "duplicate")]


async def test_a_reader_sees_a_part_only_when_it_is_whole(home: Home, database: asyncpg.Pool) -> None:
    process = await home.start("ingest", SOURCE)
    seen: set[Stored] = set()

    async def has_ended() -> bool:
        seen.add(await Stored.of(database))
        return process.returncode is not None

    await eventually(has_ended, "its end", every_s=0.002)
    assert (await finish(process)).code == 0
    first, second = (await part_counts(database)).values()
    before, between = Stored(), first
    after = Stored(2, first.trips + second.trips, first.rejects + second.rejects)
    assert before in seen
    assert seen <= {before, between, after}


async def test_zone_tables_learned_at_once_do_not_mix(home: Home, database: asyncpg.Pool) -> None:
    (home.folder / "zones.csv").write_text(ZONES)
    await run_at_once(home, *[("ingest", "--zones", "zones.csv")] * 4)
    assert await database.fetchval("select count(*) from zones") == 199


async def test_migrations_that_run_at_once_are_applied_once(tmp_path: Path) -> None:
    async with empty_database(is_migrated=False) as dsn:
        said = await run_at_once(Home(folder=tmp_path, dsn=dsn), *[("migrate",)] * 4)
        lines = sorted(line for out in said for line in out.splitlines())
        applied = [f"applied {migration.number:04} {migration.name}" for migration in migrations()]
        assert lines == applied + ["nothing to do: the schema is as it should be"] * 3


async def test_a_schema_goes_down_to_nothing_and_up_again(home: Home, database: asyncpg.Pool) -> None:
    added = (await home.run("ingest", "simulation:trips=2000,months=1", "--json")).report.added
    tables = "select count(*) from pg_tables where schemaname = 'public' and tablename <> 'migrations'"

    down = await home.run("migrate", "--to", "0")
    assert down.code == 0, down.err
    assert len(down.out.splitlines()) == len(migrations())
    assert await database.fetchval(tables) == 0
    assert "run `taxi-predictor migrate`" in (await home.run("trips")).complaint

    assert (await home.run("migrate")).code == 0
    again = (await home.run("ingest", "simulation:trips=2000,months=1", "--json")).report
    assert (again.added, again.known) == (added, 0)


@pytest.mark.parametrize("target", ["-1", "99"])
async def test_a_migration_that_does_not_exist_is_refused(home: Home, target: str) -> None:
    finished = await home.run("migrate", f"--to={target}")
    assert (finished.code, finished.out) == (2, "")
    assert finished.complaint.startswith(f"invalid there is no migration {target}")


async def test_migrations_wait_for_each_other_in_one_process_too() -> None:
    async with empty_database(is_migrated=False) as dsn, open_pool(dsn, max_size=4) as pool:
        done = await asyncio.gather(*(migrate(pool) for _ in range(4)))
        assert sorted(map(len, done)) == [0, 0, 0, len(migrations())]
