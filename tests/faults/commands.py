"""The command line as a real process on a database of its own, and what is left in that database."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path

import asyncpg
import msgspec

from polars_tables import Polars
from servers import postgres_dsn
from taxi_predictor.adapters.postgres.migrations import migrate
from taxi_predictor.adapters.postgres.pool import APPLICATION, open_pool
from taxi_predictor.ports.inbound.trips.intake import IngestReport
from waiting import eventually

__all__ = [
    "OURS",
    "Finished",
    "Home",
    "Stored",
    "all_gone",
    "clean_batch",
    "dsn_of",
    "empty_database",
    "finish",
    "part_counts",
]

PATIENCE_S = 30.0
SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏✓"

OURS = f"datname = current_database() and application_name = '{APPLICATION}'"
"""Which rows of pg_stat_activity are connections of commands."""

_numbers = count(1)


clean_batch = Polars().clean_batch


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """What a command said, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def complaint(self) -> str:
        """Its one line about what went wrong; bars of progress aside, there must be no other."""
        lines = [line for line in self.err.splitlines() if line.strip() and line[0] not in SPINNER]
        assert len(lines) == 1, self.err
        return lines[0]

    @property
    def report(self) -> IngestReport:
        """What ``ingest --json`` said."""
        assert self.code == 0, self.err
        return msgspec.json.decode(self.out, type=IngestReport)


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """Where the command line works: in a folder, on a database (None: the embedded one in it)."""

    folder: Path
    dsn: str | None
    settings: Mapping[str, str] = field(default_factory=dict)

    def on(self, dsn: str | None, **settings: str) -> "Home":
        """The same folder with another database and further settings."""
        return replace(self, dsn=dsn, settings={**self.settings, **settings})

    async def start(
        self, *arguments: str, stdout: int = asyncio.subprocess.PIPE
    ) -> asyncio.subprocess.Process:
        """Start a command as the leader of a process group of its own."""
        environment = {**os.environ, "TAXI_HOME": str(self.folder / "home"), **self.settings}
        if self.dsn is not None:
            environment["DATABASE_URL"] = self.dsn
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "taxi_predictor", *arguments),
            cwd=self.folder,
            env=environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=stdout,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )

    async def run(self, *arguments: str) -> Finished:
        return await finish(await self.start(*arguments))


async def finish(process: asyncio.subprocess.Process) -> Finished:
    """Wait for a command's end; one that hangs is killed and fails the test."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            out, err = await process.communicate()
    except TimeoutError:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        raise
    assert process.returncode is not None
    finished = Finished(code=process.returncode, out=(out or b"").decode(), err=err.decode())
    assert "Traceback" not in finished.err, finished.err
    return finished


def dsn_of(database: str, *, user: str = "postgres", password: str = "") -> str:
    """Another database, or another user, on the server of the tests."""
    _, _, address = postgres_dsn().partition("?")
    return f"postgresql://{user}:{password}@/{database}?{address}"


@asynccontextmanager
async def empty_database(*, tablespace: str = "pg_default", is_migrated: bool = True) -> AsyncIterator[str]:
    """The DSN of a new database, which goes with the test: a copy of one that was migrated once."""
    name, template = f"faults_{os.getpid()}_{next(_numbers)}", "template1"
    async with open_pool(postgres_dsn(), max_size=1) as server:
        if is_migrated:
            template = f"faults_{os.getpid()}"
            if not await server.fetchval("select true from pg_database where datname = $1", template):
                await server.execute(f"create database {template}")
                async with open_pool(dsn_of(template), max_size=1) as pool:
                    await migrate(pool)
        await server.execute(f"create database {name} template {template} tablespace {tablespace}")
        try:
            yield dsn_of(name)
        finally:
            await server.execute(f"drop database {name} with (force)")


async def all_gone(database: asyncpg.Pool) -> None:
    """Wait until the server has rolled back what killed processes had under way."""

    async def is_alone() -> bool:
        return not await database.fetchval(f"select count(*) from pg_stat_activity where {OURS}")

    await eventually(is_alone, "nobody else is connected")


@dataclass(frozen=True, slots=True)
class Stored:
    """How many rows there are, and of how many parts."""

    ingests: int = 0
    trips: int = 0
    rejects: int = 0

    @classmethod
    async def of(cls, database: asyncpg.Pool) -> "Stored":
        """All of one moment, before the plan is made: else months that come meanwhile are not in it."""
        counts = ", ".join(f"(select count(*) from {t})" for t in ("ingests", "taxi_trips", "trip_rejects"))
        async with (
            database.acquire() as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            return cls(*await connection.fetchrow(f"select {counts}"))


async def part_counts(database: asyncpg.Pool) -> Mapping[str, Stored]:
    """What is stored of each part; every trip and reject must be of a part that was ingested whole."""
    rows = await database.fetch(
        """
        select part, count(*) as ingests, coalesce(sum(added), 0)::bigint as added,
            array_agg(added + known) as offered, array_agg(rejected) as rejected,
            (select count(*) from taxi_trips join ingests as its using (ingest_id) where its.part = i.part)
                as trips,
            (select count(*) from trip_rejects as r where r.part = i.part) as rejects
        from ingests as i group by part order by part
        """
    )
    for row in rows:
        assert row["added"] == row["trips"]
        assert set(row["offered"]) == {row["trips"]}
        assert set(row["rejected"]) == {row["rejects"]}
    found = {row["part"]: Stored(row["ingests"], row["trips"], row["rejects"]) for row in rows}
    everything = await Stored.of(database)
    assert everything.trips == sum(part.trips for part in found.values())
    assert everything.rejects == sum(part.rejects for part in found.values())
    return found
