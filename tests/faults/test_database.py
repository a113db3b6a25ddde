"""A database that is away, locked, unprepared or full: one sentence, exit code 5, nothing stored."""

import asyncio
import os
import signal
import socket
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic
from urllib.parse import parse_qs, urlsplit

import asyncpg
import polars as pl
import pytest

from faults.commands import Finished, Home, Stored, clean_batch, dsn_of, empty_database, finish
from servers import postgres_dsn
from storm.proxy import Network, Weather
from taxi_predictor.adapters.postgres.copying import copy_out
from taxi_predictor.adapters.postgres.pool import OWN_KEEPALIVE, connected, open_pool, translated
from taxi_predictor.adapters.postgres.trips import PostgresTripStore
from taxi_predictor.domain.errors import StorageFull
from taxi_predictor.ports.outbound.sources import CleanBatch, PartName
from taxi_predictor.ports.testing.samples import a_trip
from waiting import eventually

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


@pytest.mark.parametrize("is_full", [False, True])
async def test_a_connection_lost_in_the_middle_of_a_copy(
    home: Home, database: asyncpg.Pool, is_full: bool
) -> None:
    """Also when the server had stopped reading, so that the connection took no more."""
    process = await home.start("ingest", LARGE)
    copying: list[int] = []

    async def is_copying() -> bool:
        query = "select pid from pg_stat_progress_copy where type = 'PIPE' and datname = current_database()"
        copying.extend(row["pid"] for row in await database.fetch(query))
        return bool(copying)

    await eventually(is_copying, every_s=0.001)
    if is_full:
        os.kill(copying[0], signal.SIGSTOP)
        worked = [work_of(process.pid)]

        def is_idle() -> bool:
            worked.append(work_of(process.pid))
            return worked[-1] == worked[-2]

        await eventually(is_idle, "the connection takes no more", every_s=0.1)
    await database.execute("select pg_terminate_backend($1)", copying[0])
    if is_full:
        os.kill(copying[0], signal.SIGCONT)
    assert_unavailable(await finish(process), "the database does not answer: ")
    assert await Stored.of(database) == Stored()

    assert (await home.run("ingest", LARGE, "--json")).report.added > 0


def work_of(pid: int) -> int:
    """How long a process has had a processor, in ticks."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


async def test_a_connection_lost_between_two_statements(home: Home, database: asyncpg.Pool) -> None:
    """As when the server is stopped while the source is being read."""
    process = await home.start("ingest", LARGE)
    idle = "select count(pg_terminate_backend(pid)) from pg_stat_activity where state = 'idle in transaction'"

    async def is_lost() -> bool:
        return bool(await database.fetchval(f"{idle} and datname = current_database()"))

    await eventually(is_lost, every_s=0.001)
    assert_unavailable(await finish(process), "the database does not answer")
    assert await Stored.of(database) == Stored()


async def test_a_reader_that_leaves_early_is_let_go(database: asyncpg.Pool) -> None:
    """Also when more than the first batch was on its way already."""
    wide = "select repeat('x', 1000) from generate_series(1, 60000)"
    async with asyncio.timeout(10), database.acquire() as connection:
        async with aclosing(copy_out(connection, wide, types={"x": pl.String()})) as frames:
            async for _frame in frames:
                pid = connection.get_server_pid()
                waits = f"select wait_event = 'ClientWrite' from pg_stat_activity where pid = {pid}"
                await eventually(partial(database.fetchval, waits), "more is on its way than is taken")
                break
        assert await connection.fetchval("select 1") == 1


async def test_a_network_that_falls_mute_as_a_connection_is_given_back() -> None:
    """Who has no more patience waits no longer, and the only connection of the pool is had again."""
    [folder] = parse_qs(urlsplit(postgres_dsn()).query)["host"]
    network = Network(lambda: asyncio.open_unix_connection(f"{folder}/.s.PGSQL.5432"))

    async def ask(pool: asyncpg.Pool) -> None:
        async with connected(pool, patience_s=2.0) as connection:
            await connection.fetchval("select 1")
            network.be(Weather.MUTE)

    try:
        async with open_pool(f"postgresql://postgres@127.0.0.1:{network.port}/postgres", max_size=1) as pool:
            began_s = monotonic()
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(ask(pool), 0.5)
            assert network.swallowed_bytes > 0
            assert monotonic() - began_s < 1.5
            network.be(Weather.FAIR)
            async with connected(pool, patience_s=5.0) as connection:
                assert await connection.fetchval("select 2") == 2
    finally:
        network.close()


async def test_the_system_looks_after_connections_that_nobody_uses() -> None:
    """It finds that one is dead, as behind a network that was away, before somebody waits on it in vain."""
    [folder] = parse_qs(urlsplit(postgres_dsn()).query)["host"]
    network = Network(lambda: asyncio.open_unix_connection(f"{folder}/.s.PGSQL.5432"))
    dsn = f"postgresql://postgres@127.0.0.1:{network.port}/postgres"
    try:
        async with open_pool(dsn, max_size=1) as pool, connected(pool) as connection:
            end = connection._transport.get_extra_info("socket")
            asked = [
                end.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE),
                *(end.getsockopt(socket.IPPROTO_TCP, getattr(socket, name)) for name in OWN_KEEPALIVE),
            ]
            assert asked == [1, *OWN_KEEPALIVE.values()]
    finally:
        network.close()


@pytest.mark.parametrize(
    ("dsn", "word"),
    [
        pytest.param("postgresql://taxi@127.0.0.1:1/taxi", "Connect call failed", id="nobody listens"),
        pytest.param("postgresql://taxi@/taxi?host=/no/such/folder", "No such file", id="no socket"),
        pytest.param("postgresql://taxi@nowhere.invalid/taxi", "", id="no such host"),
        pytest.param("mysql://taxi@localhost/taxi", "postgresql", id="another scheme"),
        pytest.param("postgresql://taxi@localhost:many/taxi", "invalid DSN", id="no port"),
    ],
)
async def test_a_server_that_cannot_be_reached(tmp_path: Path, dsn: str, word: str) -> None:
    home = Home(folder=tmp_path, dsn=dsn)
    assert_unavailable(await home.run("ingest", SMALL), "the database does not answer: ", word)


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
        with first_line(Path(await server.fetchval("show hba_file")), f"local all {user} scram-sha-256"):
            await server.execute("select pg_reload_conf()")
            yield
        await server.execute("select pg_reload_conf()")


@contextmanager
def first_line(file: Path, line: str) -> Iterator[None]:
    former = file.read_text()
    file.write_text(f"{line}\n{former}")
    try:
        yield
    finally:
        file.write_text(former)


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
def small_disk(*, size_mib: int) -> Iterator[Path]:
    """A file system of its own, where the server may write."""
    server = Path(postgres_dsn().partition("host=")[2]).stat()
    options = f"size={size_mib}m,uid={server.st_uid},gid={server.st_gid},mode=700"
    with TemporaryDirectory(prefix="taxi-disk-") as folder:
        Path(folder).chmod(0o755)  # the server may run as another user
        disk = Path(folder) / "disk"
        disk.mkdir()
        try:
            subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", disk], check=True)
        except (OSError, subprocess.CalledProcessError):
            pytest.skip("a small file system cannot be mounted here")
        (disk / "tablespace").mkdir()
        os.chown(disk / "tablespace", server.st_uid, server.st_gid)
        try:
            yield disk
        finally:
            subprocess.run(["umount", disk], check=True)


@contextmanager
def filled(disk: Path, *, free_mib: int) -> Iterator[None]:
    room = os.statvfs(disk)
    filler = disk / "filler"
    filler.write_bytes(bytes(room.f_bavail * room.f_frsize - (free_mib << 20)))
    try:
        yield
    finally:
        filler.unlink()


@asynccontextmanager
async def tablespace_on(disk: Path) -> AsyncIterator[str]:
    async with open_pool(postgres_dsn(), max_size=1) as server:
        await server.execute(f"create tablespace faults_small location '{disk / 'tablespace'}'")
        try:
            yield "faults_small"
        finally:
            await server.execute("drop tablespace faults_small")


async def test_a_disk_that_is_full(tmp_path: Path) -> None:
    """What was stored stays, the part that found no room leaves nothing, and room is all it needs."""
    with small_disk(size_mib=128) as disk:
        async with tablespace_on(disk) as small, empty_database(tablespace=small) as dsn:
            home = Home(folder=tmp_path, dsn=dsn)
            before = (await home.run("ingest", SMALL, "--json")).report
            with filled(disk, free_mib=8):
                finished = await home.run("ingest", LARGE)
                assert_unavailable(
                    finished, "no room left", "nothing of this was stored", slug="storage-full"
                )
                async with open_pool(dsn, max_size=1) as pool:
                    stored = await Stored.of(pool)
                assert (stored.ingests, stored.trips) == (1, before.added)
            assert (await home.run("ingest", LARGE, "--json")).report.added > 0


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


@pytest.mark.parametrize("trouble", [OSError("of the source"), TimeoutError("of the source")], ids=repr)
async def test_trouble_of_the_source_is_not_taken_for_the_databases(
    database: asyncpg.Pool, trouble: Exception
) -> None:
    """What the batches raise comes out of the store as it is, and nothing is stored."""

    async def batches() -> AsyncIterator[CleanBatch]:
        yield clean_batch([a_trip(1)])
        raise trouble

    with pytest.raises(type(trouble), match="of the source") as caught:
        await PostgresTripStore(database).add(PartName(family="sample", name="one"), batches())
    assert caught.value is trouble
    assert await Stored.of(database) == Stored()
