"""A whole deployment on this machine: a service of several workers, and neighbours that can fail."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg
import httpx
import msgspec

from asking import asking
from local_ports import free_port
from storm.clients import Clients, Ledger
from storm.neighbours import Database, Registry
from storm.proxy import Network
from waiting import until

__all__ = ["Deployment", "deployed"]

SIMULATED = "simulation:trips=4_000,months=2"
TRIP = {
    "pickup": {"lat": 40.7614, "lon": -73.9776},
    "dropoff": {"lat": 40.6465, "lon": -73.7865},
    "pickup_at": "2024-03-04T08:30:00-05:00",
}


@dataclass
class Deployment:
    home: Path
    database: Database
    registry: Registry
    network: Network
    worker_count: int
    environment: Mapping[str, str]
    port: int
    model_name: str = "taxi-duration"
    versions: tuple[int, ...] = ()
    champion: int = 1
    ledger: Ledger = field(default_factory=Ledger)
    launcher: "subprocess.Popen[bytes] | None" = None

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def run(self, *arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "taxi_predictor", *arguments],
            env=dict(self.environment),
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, f"{arguments}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    @property
    def metrics_port(self) -> int:
        return int(self.environment["TAXI_METRICS_PORT"])

    def workers(self) -> list[int]:
        """The processes that answer."""
        return self._children("taxi_predictor.apps.processes.server")

    def _children(self, module: str) -> list[int]:
        """The processes of *module* that the launcher has started; threads of it start some of them."""
        assert self.launcher is not None
        tasks = Path(f"/proc/{self.launcher.pid}/task").glob("*/children")
        children = [int(child) for task in tasks for child in _text(task).split()]
        return [pid for pid in children if module in _text(f"/proc/{pid}/cmdline")]

    @contextmanager
    def nobody_following_the_registry(self) -> Iterator[None]:
        [follower] = self._children("taxi_predictor.apps.processes.followers")
        os.kill(follower, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(follower, signal.SIGCONT)

    def sync_trouble(self) -> str | None:
        try:
            note = msgspec.json.decode((self.home / "sync.json").read_bytes())
        except FileNotFoundError:
            return "nobody looked yet"
        trouble: str | None = note.get("trouble")
        return trouble

    def model_folder(self) -> Path:
        models = self.home / "models"
        return models / (models / "champion").read_text().strip()

    def spooled_bytes(self) -> int:
        """What waits, but for what each file begins with."""
        sizes = [path.stat().st_size for path in (self.home / "spool").glob("*.part") if path.exists()]
        return sum(max(0, size - 13) for size in sizes)

    def answered_for(self, seconds: float) -> int:
        """Let time pass, and return how many predictions were answered meanwhile."""
        before = len(self.ledger.predictions)
        time.sleep(seconds)
        return len(self.ledger.predictions) - before

    def seconds_through_the_network(self) -> float:
        """What the smallest question to the database takes."""

        async def ask() -> float:
            connection = await asyncpg.connect(self.environment["DATABASE_URL"], timeout=20)
            began_s = time.monotonic()
            await connection.fetchval("select 1")
            took_s = time.monotonic() - began_s
            await connection.close()
            return took_s

        return asyncio.run(ask())

    def answering_versions(self, times: int) -> set[int | None]:
        """The versions that answer, each time by another connection."""
        found: set[int | None] = set()
        for _ in range(times):
            with suppress(httpx.TransportError):
                answer = asking.post(f"{self.base_url}/v1/predictions", json=TRIP, timeout=10)
                told = answer.json()
                if answer.is_success:
                    found.add(told["model"]["version"] if told["source"] == "champion" else None)
        return found

    def knows(self, key: str, *, times: int) -> bool:
        """Whether *key* opens, each time by another connection."""
        headers = {"Authorization": f"Bearer {key}"}
        answers = [
            asking.post(f"{self.base_url}/v1/predictions", json=TRIP, headers=headers) for _ in range(times)
        ]
        return all(answer.is_success for answer in answers)

    def missing(self, table: str, ids: list[str]) -> tuple[int, int]:
        """How many of *ids* are not in *table*, and how many are there more than once."""

        async def ask() -> tuple[int, int]:
            connection = await asyncpg.connect(self.database.dsn, timeout=20)
            query = (
                "select count(*) filter (where kept = 0) as lost, count(*) filter (where kept > 1) as doubled"
                " from (select named.id, count(prediction_id) as kept from unnest($1::uuid[]) as named (id)"
                f" left join {table} on prediction_id = named.id group by named.id) as each"
            )
            row = await connection.fetchrow(query, ids)
            await connection.close()
            return row["lost"], row["doubled"]

        return asyncio.run(ask())


def _text(path: Path | str) -> str:
    """Empty where the process is gone, or is a zombie."""
    try:
        return Path(path).read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""


@contextmanager
def deployed(folder: Path, *, workers: int) -> Iterator[Deployment]:
    """A service with a trained champion and another version that may serve."""
    database, registry = Database(folder / "postgres"), Registry(folder)
    network = Network(database.connect)
    port, home = free_port(), folder / "home"
    environment = {
        **os.environ,
        "TAXI_PROFILE": "server",
        "TAXI_HOME": str(home),
        "DATABASE_URL": f"postgresql://postgres@127.0.0.1:{network.port}/postgres",
        "MLFLOW_TRACKING_URI": registry.uri,
        "TAXI_API_PORT": str(port),
        "TAXI_METRICS_PORT": str(free_port()),
        "TAXI_API_WORKERS": str(workers),
        "TAXI_API_OPEN_PREDICT": "true",
        "OMP_NUM_THREADS": "1",
    }
    storm = Deployment(
        home=home,
        database=database,
        registry=registry,
        network=network,
        worker_count=workers,
        environment=environment,
        port=port,
    )
    try:
        registry.start()
        storm.run("migrate")
        storm.run("ingest", SIMULATED)
        for until_day in ("2024-02-20", "2024-02-25"):
            storm.run("train", "--until", until_day)
            # Simulated trips may not pass every check; whoever moves the alias later finds it in the journal.
            storm.run("promote", "--override", "for a storm")
        storm.versions, storm.champion = (1, 2), 2
        log = (folder / "service.log").open("wb")
        storm.launcher = subprocess.Popen(
            [sys.executable, "-m", "taxi_predictor", "serve"], env=environment, stdout=log, stderr=log
        )
        until(lambda: storm.answering_versions(4) == {storm.champion}, "a service that answers")
        until(lambda: len(storm.workers()) == workers, "all workers")
        until(lambda: storm.sync_trouble() is None, "a note of the registry")
        yield storm
    finally:
        if storm.launcher is not None:
            storm.launcher.terminate()
            try:
                storm.launcher.wait(30)
            except subprocess.TimeoutExpired:
                storm.launcher.kill()
        registry.stop()
        network.close()
        database.close()


def clients_of(storm: Deployment, *, rate: float) -> Clients:
    key = storm.run("keys", "create", "storm", "--scope", "predict", "--scope", "outcomes").split()[0]
    return Clients(storm.base_url, key, rate=rate)
