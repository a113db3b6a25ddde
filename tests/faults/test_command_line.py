"""What goes wrong ends in one clear sentence and an exit code that says whose turn it is."""

import asyncio
import signal
from datetime import datetime, timedelta
from pathlib import Path

import asyncpg
import polars as pl
import pytest

from faults.commands import Home, Stored, finish
from local_ports import free_port
from waiting import eventually

NOON = datetime(2024, 3, 4, 12)  # noqa: DTZ001 # local to the city, as files have it


def trips(rows: int, *, duration_s: int = 600) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "pickup_at": [NOON + timedelta(seconds=7 * row) for row in range(rows)],
            "dropoff_at": [NOON + timedelta(seconds=7 * row + duration_s) for row in range(rows)],
            "pickup_lat": 40.76,
            "pickup_lon": -73.98,
            "dropoff_lat": 40.72,
            "dropoff_lon": -73.99,
        }
    )


PORTS = {"TAXI_API_PORT": str(free_port()), "TAXI_METRICS_PORT": "0"}
BETWEEN = ("predict", "--pickup", "40.7,-74", "--dropoff", "40.72,-74")


def a_truncated_parquet(folder: Path) -> Path:
    trips(5_000).write_parquet(folder / "cut.parquet")
    content = (folder / "cut.parquet").read_bytes()
    (folder / "cut.parquet").write_bytes(content[: len(content) // 2])
    return folder / "cut.parquet"


def a_broken_csv(folder: Path) -> Path:
    (folder / "broken.csv").write_text(trips(50).write_csv() + "2024-03-04 12:00:00,2024\n")
    return folder / "broken.csv"


def an_unknown_csv(folder: Path) -> Path:
    (folder / "odd.csv").write_text("when,where\n1,2\n")
    return folder / "odd.csv"


def zone_ids_only(folder: Path) -> Path:
    trips(5).select("pickup_at", "dropoff_at", pickup_zone=1, dropoff_zone=2).write_csv(folder / "ids.csv")
    return folder / "ids.csv"


def nothing(folder: Path) -> Path:
    return folder / "nothing.csv"


@pytest.mark.parametrize(
    ("make", "code", "words"),
    [
        (a_truncated_parquet, 2, ("unreadable-source", "cut.parquet")),
        (a_broken_csv, 2, ("unreadable-source", "broken.csv", "52")),
        (an_unknown_csv, 2, ("unknown-schema", "when, where", "pickup_at")),
        (zone_ids_only, 4, ("no-zones", "--zones")),
        (nothing, 4, ("missing-source", "nothing.csv")),
    ],
)
async def test_a_bad_source(home: Home, database: asyncpg.Pool, make, code, words) -> None:  # type: ignore[no-untyped-def] # rows of the table above
    done = await home.run("ingest", str(make(home.folder)))
    assert done.code == code
    assert all(word in done.complaint for word in words), done.complaint
    assert await Stored.of(database) == Stored()


@pytest.mark.parametrize(
    ("arguments", "settings", "code", "words"),
    [
        (("ingest",), {}, 2, "at least one source"),
        (("ingest", "simulation:", "--zones", "none.csv"), {}, 4, "none.csv"),
        (("train", "--until", "soon"), {}, 2, "'soon'"),
        (("trips", "--colour"), {}, 2, "--colour"),
        (("trips",), {"TAXI_CTY": "chicago"}, 2, "did you mean TAXI_CITY"),
        (("trips",), {"TAXI_POOL_MAX": "many"}, 2, "TAXI_POOL_MAX: "),
        (("trips",), {"TAXI_CITY": "gotham"}, 4, "chicago, new-york"),
        (("erase",), {}, 2, "--reference"),
        (("erase", "--owner", "ada"), {}, 2, "--yes"),
        (("prune", "--keep-days", "-1"), {}, 2, "--keep-days"),
        (("predict", "--pickup", "here", "--dropoff", "40.7,-74"), {}, 2, "'here' is neither LAT,LON"),
        (("predict", "--pickup", "140,-74", "--dropoff", "40.7,-74"), {}, 2, "140"),
        ((*BETWEEN, "--at", "2024-03-10T02:30"), {}, 2, "never was"),
        ((*BETWEEN, "--at", "2024-11-03T01:30"), {}, 2, "twice"),
        (("serve",), {"TAXI_API_RATE_PER_MINUTE": "5", "TAXI_API_WORKERS": "2"}, 2, "TAXI_REDIS_URL"),
        (("serve",), {"TAXI_API_KEYS_MAX_AGE_S": "5"}, 2, "TAXI_API_KEYS_MAX_AGE_S"),
        (("serve",), {"TAXI_TRACES_SHARE": "0.1"}, 2, "TAXI_OTLP_ENDPOINT"),
        (("serve",), {"TAXI_METRICS_PORT": "8000", "TAXI_API_PORT": "8000"}, 2, "TAXI_METRICS_PORT"),
        (("serve",), {"TAXI_API_ALLOWED_HOSTS": "*example.com"}, 2, "*.example.com"),
        (
            ("predict", "--pickup", "40.7,-74", "--dropoff", "40.7,-74"),
            {"TAXI_LOWEST_SOURCE": "champion"},
            5,
            "promote",
        ),
    ],
)
async def test_a_wrong_command(  # type: ignore[no-untyped-def] # rows of the table above
    stocked: Home, arguments, settings, code, words
) -> None:
    done = await stocked.on(stocked.dsn, **settings).run(*arguments)
    assert done.code == code
    assert words in done.complaint


async def test_a_home_serves_one_city(home: Home, database: asyncpg.Pool) -> None:
    ingested = (
        await home.on(home.dsn, TAXI_CITY="chicago").run("ingest", "simulation:trips=500,months=1", "--json")
    ).report
    for command in (
        ("ingest", "simulation:trips=500,months=1"),
        ("train",),
        ("predict", "--pickup", "40.7,-74", "--dropoff", "40.7,-74"),
        ("serve",),
    ):
        done = await home.on(home.dsn, **PORTS).run(*command)
        assert done.code == 2
        assert "is the home of chicago, not of new-york" in done.complaint
    assert (await Stored.of(database)).trips == ingested.added


async def test_too_many_rejects_store_nothing_and_say_why(home: Home, database: asyncpg.Pool) -> None:
    mixed = pl.concat([trips(100), trips(100, duration_s=5)])
    mixed.write_csv(home.folder / "mixed.csv")
    done = await home.run("ingest", "mixed.csv")
    assert done.code == 3
    assert "too-short 100" in done.complaint
    assert await Stored.of(database) == Stored()
    allowed = await home.run("ingest", "mixed.csv", "--max-rejects", "0.5", "--json")
    assert (allowed.report.added, allowed.report.rejected) == (100, {"too-short": 100})


async def test_parts_before_a_bad_one_stay_and_it_is_named(home: Home, database: asyncpg.Pool) -> None:
    folder = home.folder / "months"
    folder.mkdir()
    trips(200).write_csv(folder / "1.csv")
    (folder / "2.csv").write_text(trips(50).write_csv() + "broken\n")
    done = await home.run("ingest", "months")
    assert done.code == 2
    assert "2.csv" in done.complaint
    assert (await Stored.of(database)).trips == 200


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGHUP])  # Ctrl-C, and a terminal that is closed
async def test_an_interrupt_leaves_nothing_of_the_part(
    home: Home, database: asyncpg.Pool, how: signal.Signals
) -> None:
    former = signal.signal(how, signal.SIG_DFL)  # who runs the tests may ignore it, as nohup has it
    process = await home.start("ingest", "simulation:trips=2000000,months=1")
    signal.signal(how, former)

    async def is_storing() -> bool:
        query = "select count(*) from pg_stat_activity where query ilike 'copy%taxi_trips%'"
        return bool(await database.fetchval(query))

    await eventually(is_storing)
    process.send_signal(how)
    done = await finish(process)
    assert done.code == 130
    assert await Stored.of(database) == Stored()


async def test_two_ingests_of_one_file_store_every_trip_once(home: Home, database: asyncpg.Pool) -> None:
    trips(20_000).write_parquet(home.folder / "trips.parquet")
    both = await asyncio.gather(*(home.run("ingest", "trips.parquet", "--json") for _ in range(2)))
    reports = [done.report for done in both]
    assert sum(report.added for report in reports) == 20_000
    assert [report.added + report.known for report in reports] == [20_000, 20_000]
    assert (await Stored.of(database)).trips == 20_000


async def test_ingests_that_need_new_months_at_once_do_not_hinder_each_other(
    home: Home, database: asyncpg.Pool
) -> None:
    specs = [f"simulation:trips=20000,months=2,seed={seed}" for seed in (1, 2)]
    both = await asyncio.gather(*(home.run("ingest", spec, "--json") for spec in specs))
    assert (await Stored.of(database)).trips == sum(done.report.added for done in both)
