"""A database that is away, locked, unprepared or full: one sentence, exit code 5, nothing stored."""

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import asyncpg
import pytest
from faults.commands import Finished, Home, Stored, dsn_of, empty_database, finish, until
from servers import postgres_dsn

from taxi_predictor.adapters.postgres.pool import open_pool, translated
from taxi_predictor.domain.errors import StorageFull, Unavailable

SMALL = "simulation:trips=2000,months=1"
LARGE = "simulation:trips=200000,months=1"
UNAVAILABLE = 5


def assert_unavailable(finished: Finished, *words: str, slug: str = "unavailable") -> None:
    assert finished.code == UNAVAILABLE
    assert finished.out == ""
    assert finished.complaint.startswith(f"{slug} ")
    for word in words:
        assert word in finished.complaint


# Away


async def test_a_connection_lost_in_the_middle_of_a_copy(home: Home, database: asyncpg.Pool) -> None:
    process = await home.start("ingest", LARGE)
    lost = "select count(pg_terminate_backend(pid)) from pg_stat_progress_copy where type = 'PIPE'"

    async def is_lost() -> bool:
        return bool(await database.fetchval(f"{lost} and datname = current_database()"))

    await until(is_lost, every_s=0.001)
    assert_unavailable(await finish(process), "the database does not answer")
    assert await Stored.of(database) == Stored()

    assert (await home.run("ingest", LARGE, "--json")).report.added > 0


async def test_a_connection_lost_between_two_statements(home: Home, database: asyncpg.Pool) -> None:
    """As when the server is stopped while the source is being read."""
    process = await home.start("ingest", LARGE)
    idle = "select count(pg_terminate_backend(pid)) from pg_stat_activity where state = 'idle in transaction'"

    async def is_lost() -> bool:
        return bool(await database.fetchval(f"{idle} and datname = current_database()"))

    await until(is_lost, every_s=0.001)
    assert_unavailable(await finish(process), "the database does not answer")
    assert await Stored.of(database) == Stored()


@pytest.mark.parametrize(
    ("dsn", "word"),
    [
        pytest.param("postgresql://taxi@127.0.0.1:1/taxi", "Connect call failed", id="nobody listens"),
        pytest.param("postgresql://taxi@/taxi?host=/no/such/folder", "No such file", id="no socket"),
        pytest.param("postgresql://taxi@nowhere.invalid/taxi", "", id="no such host"),
        pytest.param("mysql://taxi@localhost/taxi", "postgresql", id="another scheme"),
        pytest.param("postgresql://taxi@localhost:many/taxi", "", id="no port"),
    ],
)
async def test_a_server_that_cannot_be_reached(tmp_path: Path, dsn: str, word: str) -> None:
    home = Home(folder=tmp_path, dsn=dsn)
    assert_unavailable(await home.run("ingest", SMALL), "the database does not answer", word)


async def test_an_unknown_database(home: Home) -> None:
    there_is_none = home.on(dsn_of("there_is_none"))
    assert_unavailable(await there_is_none.run("ingest", SMALL), 'database "there_is_none" does not exist')


# Locked


@asynccontextmanager
async def role(name: str, *, password: str = "") -> AsyncIterator[str]:
    async with open_pool(postgres_dsn(), max_size=1) as server:
        await server.execute(f"create role {name} login password '{password}'")
        try:
            yield name
        finally:
            await server.execute(f"drop role {name}")


@asynccontextmanager
async def password_is_asked_of(user: str) -> AsyncIterator[None]:
    async with open_pool(postgres_dsn(), max_size=1) as server:
        rules = Path(await server.fetchval("show hba_file"))
        former = rules.read_text()
        rules.write_text(f"local all {user} scram-sha-256\n{former}")
        await server.execute("select pg_reload_conf()")
        try:
            yield
        finally:
            rules.write_text(former)
            await server.execute("select pg_reload_conf()")


async def test_a_wrong_password(home: Home, database: asyncpg.Pool) -> None:
    name = await database.fetchval("select current_database()")
    async with role("faults_guarded", password="right") as user, password_is_asked_of(user):
        mistaken = home.on(dsn_of(name, user=user, password="wrong"))
        finished = await mistaken.run("ingest", SMALL)
        assert_unavailable(finished, "password authentication failed")
        assert "wrong" not in finished.err


async def test_a_role_that_may_not_write(home: Home, database: asyncpg.Pool) -> None:
    name = await database.fetchval("select current_database()")
    async with role("faults_stranger") as user:
        stranger = home.on(dsn_of(name, user=user))
        assert_unavailable(await stranger.run("ingest", SMALL), "permission denied")


async def test_a_server_that_only_reads(home: Home, database: asyncpg.Pool) -> None:
    """Such as a standby after a failover."""
    name = await database.fetchval("select current_database()")
    await database.execute(f"alter database {name} set default_transaction_read_only = on")
    assert_unavailable(await home.run("ingest", SMALL), "read-only transaction")
    assert await Stored.of(database) == Stored()


# Unprepared


async def test_a_database_that_was_not_migrated(tmp_path: Path) -> None:
    async with empty_database(is_migrated=False) as dsn:
        home = Home(folder=tmp_path, dsn=dsn)
        assert_unavailable(await home.run("ingest", SMALL), "run `taxi-predictor migrate`")
        assert (await home.run("migrate")).code == 0
        assert (await home.run("ingest", SMALL, "--json")).report.added > 0


# Full


@contextmanager
def small_disk(folder: Path, *, size_mib: int) -> Iterator[Path]:
    """A file system of its own, which the server may write to."""
    folder.mkdir()
    owner = Path(postgres_dsn().partition("host=")[2]).stat()
    options = f"size={size_mib}m,uid={owner.st_uid},gid={owner.st_gid},mode=700"
    mount = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    try:
        is_mounted = subprocess.run(mount, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        is_mounted = False
    if not is_mounted:
        pytest.skip("mounting a small file system is not permitted")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


async def test_a_disk_that_is_full(tmp_path: Path) -> None:
    """It holds the schema and a small part, but not a large one."""
    for parent in tmp_path.parents[:-1]:
        if parent.owner() == os.environ.get("USER", "root") and parent != Path("/tmp"):
            parent.chmod(0o755)
    with small_disk(tmp_path / "disk", size_mib=32) as disk:
        async with open_pool(postgres_dsn(), max_size=1) as server:
            await server.execute(f"create tablespace faults_small location '{disk}'")
            try:
                async with empty_database(tablespace="faults_small") as dsn:
                    home = Home(folder=tmp_path, dsn=dsn)
                    before = (await home.run("ingest", SMALL, "--json")).report
                    assert_unavailable(
                        await home.run("ingest", LARGE),
                        "no room left",
                        "nothing of this was stored",
                        slug="storage-full",
                    )
                    async with open_pool(dsn, max_size=1) as pool:
                        stored = await Stored.of(pool)
                        assert (stored.ingests, stored.trips) == (1, before.added)
                    again = (await home.run("ingest", SMALL, "--json")).report
                    assert (again.added, again.known) == (0, before.added)
            finally:
                await server.execute("drop tablespace faults_small")


async def test_a_limit_on_temporary_files_is_a_full_disk(database: asyncpg.Pool) -> None:
    async with database.acquire() as connection:
        await connection.execute("set temp_file_limit = '64kB'; set work_mem = '64kB'")
        with pytest.raises(StorageFull, match="no room left"), translated():
            await connection.fetch("select n from generate_series(1, 100000) as n order by random()")


async def test_too_many_connections(home: Home, database: asyncpg.Pool) -> None:
    name = await database.fetchval("select current_database()")
    async with role("faults_crowd") as user:
        await database.execute(f"alter role {user} connection limit 0")
        crowded = home.on(dsn_of(name, user=user))
        assert_unavailable(await crowded.run("ingest", SMALL), "too many connections")


async def test_trouble_of_the_source_is_not_taken_for_the_database_s(database: asyncpg.Pool) -> None:
    """What the batches raise comes out as it is, whatever it is."""
