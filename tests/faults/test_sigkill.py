"""A process that dies at any moment leaves each part of a source whole or absent."""

import asyncio
import os
import random
import signal
import time
from contextlib import suppress
from pathlib import Path

import asyncpg

from faults.commands import OURS, Home, Stored, all_gone, empty_database, finish, part_counts
from waiting import eventually

SOURCE = "simulation:trips=40000,months=4"
KILLS = 30 if "SLOW" in os.environ else 6
KILLS_PER_START = 4
"""After so many the tables are emptied, so that parts are met new as well as known."""


async def test_a_part_is_stored_whole_or_not_at_all_whenever_the_process_is_killed(
    home: Home, database: asyncpg.Pool
) -> None:
    clean, connected_s, duration_s = await _uninterrupted(home)
    chance = random.Random(20240301)
    struck = 0
    for number in range(KILLS):
        if number and number % KILLS_PER_START == 0:
            await database.execute("truncate ingests, taxi_trips, trip_rejects")
        # One in each of equal stretches, from just before the database is first spoken to.
        share = ((number * 7) % KILLS + chance.random()) / KILLS
        process = await home.start("ingest", SOURCE)
        await asyncio.sleep(0.9 * connected_s + share * (duration_s - 0.9 * connected_s))
        struck += await database.fetchval(
            f"select count(*) from pg_stat_activity where {OURS} and xact_start is not null"
        )
        with suppress(ProcessLookupError):
            process.kill()
        await process.communicate()
        await all_gone(database)
        _assert_whole(await part_counts(database), clean)
    assert struck >= KILLS // 5, "hardly any kill met a transaction under way"

    await home.run("ingest", SOURCE)
    stored = await part_counts(database)
    assert stored.keys() == clean.keys()
    _assert_whole(stored, clean)
    again = (await home.run("ingest", SOURCE, "--json")).report
    assert (again.added, again.known) == (0, sum(part.trips for part in clean.values()))


async def _uninterrupted(home: Home) -> tuple[dict[str, Stored], float, float]:
    """What a clean run stores of each part, when it first connects and when it ends."""
    async with empty_database() as dsn, asyncpg.create_pool(dsn, min_size=1, max_size=1) as database:
        began = time.monotonic()
        process = await home.on(dsn).start("ingest", SOURCE)

        async def is_connected() -> bool:
            return bool(await database.fetchval(f"select count(*) from pg_stat_activity where {OURS}"))

        await eventually(is_connected)
        connected_s = time.monotonic() - began
        assert (await finish(process)).code == 0
        return dict(await part_counts(database)), connected_s, time.monotonic() - began


def _assert_whole(found: dict[str, Stored], clean: dict[str, Stored]) -> None:
    for part, stored in found.items():
        assert (stored.trips, stored.rejects) == (clean[part].trips, clean[part].rejects), part


async def test_the_next_command_works_after_the_owner_of_the_embedded_server_was_killed(
    tmp_path: Path,
) -> None:
    """It finds the server running, and stops it when it leaves."""
    home = Home(folder=tmp_path, dsn=None)
    running = tmp_path / "home" / "postgres" / "postmaster.pid"
    process = await home.start("ingest", "simulation:trips=300000,months=1")
    await eventually(lambda: running.exists() and "ready" in running.read_text())
    await asyncio.sleep(1.0)  # somewhere in its ingest
    process.kill()
    await process.communicate()
    assert running.exists()

    first = (await home.run("ingest", "simulation:trips=2000,months=1", "--json")).report
    assert first.added > 0
    assert not running.exists()
    second = (await home.run("ingest", "simulation:trips=2000,months=1", "--json")).report
    assert (second.added, second.known) == (0, first.added)


async def test_a_first_start_that_was_killed_with_all_its_children_is_not_in_the_way(tmp_path: Path) -> None:
    """As when the container is killed while the data folder is being made."""
    home = Home(folder=tmp_path, dsn=None)
    process = await home.start("trips")
    await eventually(lambda: any((tmp_path / "home").glob("*/PG_VERSION")))
    os.killpg(process.pid, signal.SIGKILL)
    await process.communicate()
    shown = await home.run("trips", "--json")
    assert shown.code == 0, shown.err
    assert sorted(path.name for path in (tmp_path / "home").iterdir()) == [
        "city",
        "postgres",
        "postgres.lock",
    ]
