"""Numbered SQL files, each applied once: ``NNNN_name.up.sql``, undone by ``NNNN_name.down.sql``.

A file runs in a transaction of its own, unless its first line says ``-- transaction: none``, as
statements that build an index concurrently must.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass
from importlib import resources

import asyncpg

from taxi_predictor.adapters.postgres.pool import translated
from taxi_predictor.domain.errors import Invalid

__all__ = ["Migration", "migrate", "migrations"]

NO_TRANSACTION = "-- transaction: none"
LOCK = 7_201_602_651  # any number, as long as every version of this code uses the same
LOCK_POLL_S = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    number: int
    name: str
    up: str
    down: str | None
    """None: cannot be undone."""


def migrations() -> Sequence[Migration]:
    """All migrations, oldest first."""
    files = {
        file.name: file.read_text("utf-8")
        for file in resources.files(__package__).joinpath("migrations").iterdir()
    }
    found = []
    for name, text in sorted(files.items()):
        if match := re.fullmatch(r"(\d{4})_(\w+)\.up\.sql", name):
            down = files.get(name.replace(".up.", ".down."))
            found.append(Migration(number=int(match[1]), name=match[2], up=text, down=down))
    return found


async def migrate(pool: asyncpg.Pool, *, to: int | None = None) -> Sequence[str]:
    """Bring the database to migration *to* (None: the newest; 0: empty) and say what was done.

    Several processes may call it at once: one works, the others wait and find nothing to do.

    Raises:
        Invalid: there is no such migration, or one on the way down cannot be undone.
        Unavailable: the database does not answer; finished migrations stay.
    """
    known = migrations()
    newest = known[-1].number
    target = newest if to is None else to
    if not 0 <= target <= newest:
        raise Invalid(f"there is no migration {target}: the newest is {newest}")
    done = []
    with translated():
        async with _locked(pool) as connection:
            applied = {row["number"] for row in await connection.fetch("select number from migrations")}
            for migration in known:
                if migration.number <= target and migration.number not in applied:
                    await _run(connection, migration.up, "insert into migrations values ($1, $2)", migration)
                    done.append(f"applied {migration.number:04} {migration.name}")
            for migration in reversed(known):
                if migration.number > target and migration.number in applied:
                    if migration.down is None:
                        raise Invalid(f"migration {migration.number:04} {migration.name} cannot be undone")
                    undone = "delete from migrations where number = $1 and name = $2"
                    await _run(connection, migration.down, undone, migration)
                    done.append(f"undid {migration.number:04} {migration.name}")
    return done


@asynccontextmanager
async def _locked(pool: asyncpg.Pool) -> AsyncIterator[asyncpg.Connection]:
    async with pool.acquire() as connection:
        # Asked for again and again: a statement that waits would keep an index from being built
        # concurrently, which waits for all statements that began before.
        while not await connection.fetchval("select pg_try_advisory_lock($1)", LOCK):  # noqa: ASYNC110
            await asyncio.sleep(LOCK_POLL_S)
        try:
            await connection.execute(
                "create table if not exists migrations (number integer primary key, name text not null,"
                " applied_at timestamptz not null default now())"
            )
            yield connection
        finally:
            if not connection.is_closed():
                await connection.execute("select pg_advisory_unlock($1)", LOCK)


async def _run(connection: asyncpg.Connection, script: str, note: str, migration: Migration) -> None:
    alone = script.startswith(NO_TRANSACTION)
    async with nullcontext() if alone else connection.transaction():
        await connection.execute(script)
        await connection.execute(note, migration.number, migration.name)
