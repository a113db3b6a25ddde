"""The embedded PostgreSQL is there for whoever uses it, whoever else comes and goes."""

import asyncio
import re
import stat
import sys
from pathlib import Path

import asyncpg

from taxi_predictor.adapters.postgres.embedded import embedded_postgres

OTHER = """
import asyncio, sys
from pathlib import Path
from taxi_predictor.adapters.postgres.embedded import embedded_postgres

async def stay():
    async with embedded_postgres(Path(sys.argv[1])):
        print("there", flush=True)
        await asyncio.to_thread(sys.stdin.readline)

asyncio.run(stay())
"""


async def answers(dsn: str) -> bool:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval("select 1") == 1
    finally:
        await connection.close()


def refuse_others(folder: Path, dsn: str) -> Path:
    """It asks for no password, and its socket may lie where everybody comes by: it is for its owner alone.

    Returns:
        The folder of the socket.
    """
    found = re.search(r"host=([^&]+)", dsn)
    assert found is not None
    socket = Path(found[1]) / ".s.PGSQL.5432"
    assert not socket.is_relative_to(folder)
    assert stat.S_IMODE(socket.stat().st_mode) == 0o700
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    return socket.parent


async def test_who_left_while_others_stayed_may_come_back_when_they_are_gone(tmp_path: Path) -> None:
    folder = tmp_path / ("a-long-name-" * 10) / "postgres"  # too long for a socket in it
    running = folder / "postmaster.pid"
    pipe = asyncio.subprocess.PIPE
    other = await asyncio.create_subprocess_exec(
        sys.executable, "-c", OTHER, str(folder), stdin=pipe, stdout=pipe
    )
    assert other.stdout is not None
    assert await other.stdout.readline() == b"there\n"
    async with embedded_postgres(folder) as dsn:
        assert await answers(dsn)
        socket_folder = refuse_others(folder, dsn)
    assert running.exists()
    assert socket_folder.exists()
    await other.communicate(b"go\n")
    assert not running.exists()
    assert not socket_folder.exists()
    async with embedded_postgres(folder) as dsn:
        assert await answers(dsn)
        async with embedded_postgres(folder) as same:
            assert same == dsn
        assert await answers(dsn)
    assert not running.exists()
    assert not socket_folder.exists()


async def test_the_last_to_leave_stops_it_though_another_was_killed_meanwhile(tmp_path: Path) -> None:
    folder = tmp_path / "postgres"
    pipe = asyncio.subprocess.PIPE
    async with embedded_postgres(folder) as dsn:
        other = await asyncio.create_subprocess_exec(
            sys.executable, "-c", OTHER, str(folder), stdin=pipe, stdout=pipe
        )
        assert other.stdout is not None
        assert await other.stdout.readline() == b"there\n"
        other.kill()
        await other.wait()
        assert await answers(dsn)
    assert not (folder / "postmaster.pid").exists()
