"""One deployment that has been through the main job, shared by the journeys."""

import fcntl
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from asking import asking
from local_ports import free_port
from waiting import until

SOURCE, TRIPS = "simulation:trips=20_000,months=2", 20_000
"""What the deployment has learned from: as few as pass."""


@dataclass(frozen=True)
class Deployment:
    """A home folder, and the command line that works on it."""

    home: Path
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        # Nothing here is about new models that come by themselves, for which the process beside the workers
        # loads MLflow; the storm is, and says so.
        alone = {"TAXI_MODEL_SYNC_EVERY_S": "0", "TAXI_OUTCOMES_EVERY_S": "0", "TAXI_METRICS_PORT": "0"}
        return {**os.environ, "TAXI_HOME": str(self.home), "COLUMNS": "200", **alone, **self.settings}

    def run(self, *arguments: str, code: int = 0, timeout_s: float = 300) -> str:
        """Run a command to its end and return what it wrote to standard output."""
        done = subprocess.run(
            [sys.executable, "-m", "taxi_predictor", *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
        assert done.returncode == code, f"{arguments}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def json(self, *arguments: str) -> Any:
        return json.loads(self.run(*arguments))

    @contextmanager
    def serving(self, *, workers: int = 1) -> Iterator[httpx.Client]:
        """A client of the API on a free port, ready."""
        with self.server(workers=workers) as (client, _):
            yield client

    @contextmanager
    def server(
        self, *, workers: int = 1, log: Path | None = None
    ) -> Iterator[tuple[httpx.Client, "subprocess.Popen[bytes]"]]:
        """The same, and the process that serves, by its workers; what they log may go to a file."""
        port = free_port()
        environment = {
            **self.environment,
            "TAXI_API_PORT": str(port),
            "TAXI_API_WORKERS": str(workers),
            "TAXI_API_OPEN_PREDICT": "true",
        }
        command = [sys.executable, "-P", "-m", "taxi_predictor", "serve"]
        with log.open("wb") if log else nullcontext() as errors:
            server = subprocess.Popen(command, env=environment, stderr=errors, cwd=_strange_folder(self.home))
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
                _wait_until_ready(client, server)
                yield client, server
        finally:
            server.terminate()
            try:
                server.wait(timeout=30)
            finally:
                server.terminate()  # the second one waits for nobody


def _strange_folder(home: Path) -> Path:
    """One from which nothing is to be imported, though its files are called as modules are."""
    folder = home.parent / "strange"
    folder.mkdir(exist_ok=True)
    for module in ("http", "email", "taxi_predictor"):
        (folder / f"{module}.py").write_text('raise SystemExit("this is not the module you look for")\n')
    return folder


def figures(port: int) -> str:
    """What the process beside the workers tells at *port*."""
    return asking.get(f"http://127.0.0.1:{port}/metrics", timeout=20).text


def _wait_until_ready(client: httpx.Client, server: "subprocess.Popen[bytes]") -> None:
    def is_ready() -> bool:
        assert server.poll() is None, "the server ended before it was ready"
        try:
            return client.get("/health/ready").is_success
        except httpx.TransportError:
            return False

    until(is_ready, "the server is ready")


def main_job(factory: pytest.TempPathFactory, home: Path) -> Deployment:
    """Simulated trips ingested, a model trained and promoted: once for all, and copied to *home*."""
    common = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        common = common.parent
    first = Deployment(common / "main-job")
    with (common / "main-job.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (first.home / "models" / "champion").exists():
            first.run("ingest", SOURCE)
            first.run("train", "--until", "2024-02-20")
            first.run("promote")
    # PostgreSQL wants its files to stay its own.
    subprocess.run(["cp", "--archive", first.home, home], check=True)
    return Deployment(home)


@pytest.fixture(scope="session")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    return main_job(tmp_path_factory, tmp_path_factory.mktemp("home") / "home")


@pytest.fixture(scope="session")
def server(deployment: Deployment) -> Iterator[tuple[httpx.Client, "subprocess.Popen[bytes]"]]:
    """The deployment, served once for all who only ask."""
    with deployment.server() as server:
        yield server


@pytest.fixture
def served(server: tuple[httpx.Client, "subprocess.Popen[bytes]"]) -> httpx.Client:
    return server[0]


@pytest.fixture
def server_pid(server: tuple[httpx.Client, "subprocess.Popen[bytes]"]) -> int:
    return server[1].pid
