"""What serving loads, and what it leaves out."""

import asyncio
import json
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace

import pytest

from polars_tables import Polars
from taxi_predictor.adapters.disk.shelf import DiskModelShelf, champion_folder
from taxi_predictor.adapters.lightgbm.model import LightgbmLoader
from taxi_predictor.adapters.lightgbm.trainer import LightgbmTrainer
from taxi_predictor.adapters.memory.clock import MemoryClock
from taxi_predictor.apps.commands import serving, session
from taxi_predictor.apps.home import claim_home
from taxi_predictor.apps.settings import InvalidSettings, Settings
from taxi_predictor.domain.errors import BrokenModel, NoChampion, Unavailable
from taxi_predictor.domain.model import ModelVersion
from taxi_predictor.ports.testing.samples import NOON, a_history
from taxi_predictor.ports.testing.strategies import A_CITY
from taxi_predictor.ports.testing.training import fit

FOR_TRAINING = {"matplotlib", "mlflow", "pandas", "pyarrow", "pyproj", "shapefile", "shapely", "sklearn"}
FOR_PEOPLE = {"cyclopts", "rich"}

OPEN = """
import asyncio, json, sys
from taxi_predictor.apps.api import create

async def main():
    app = create()
    async with app.lifespan():
        print(json.dumps([app.state.hexagon.city.name, *sys.modules]))

asyncio.run(main())
"""
LAUNCH = "import json, sys, taxi_predictor.apps.processes.server; print(json.dumps(list(sys.modules)))"


def modules(script: str, **environment: str) -> set[str]:
    """The packages that a process has loaded after *script*."""
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={"PYTHONPATH": ":".join(sys.path), **environment},
        check=True,
        capture_output=True,
        text=True,
    )
    return {name.partition(".")[0] for name in json.loads(done.stdout)}


async def test_a_process_that_serves_loads_no_library_that_only_training_needs(tmp_path: Path) -> None:
    await place_model(tmp_path)
    # A database that does not answer: nothing waits for it, and the adapters are those of real use.
    database = "postgresql://nobody@127.0.0.1:9/taxi"
    loaded = modules(OPEN, TAXI_HOME=str(tmp_path), DATABASE_URL=database, TAXI_LIVE_LEVEL_EVERY_S="0")
    assert loaded >= {"new-york", "lightgbm", "litestar", "asyncpg", "prometheus_client"}
    assert loaded & (FOR_TRAINING | FOR_PEOPLE) == set()


def test_the_launcher_has_loaded_nothing_that_keeps_threads() -> None:
    """Or its forks would wait for them."""
    loaded = modules(LAUNCH)
    assert loaded >= {"granian", "msgspec"}
    assert loaded & {"asyncpg", "lightgbm", "litestar", "numpy", "polars", "prometheus_client"} == set()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[list[str]]:
    """The command lines by which the process would go on as another one."""
    monkeypatch.setenv("TAXI_HOME", str(tmp_path / "home"))
    with socket.create_server(("127.0.0.1", 0)) as free:
        monkeypatch.setenv("TAXI_API_PORT", str(free.getsockname()[1]))
    monkeypatch.setenv("TAXI_METRICS_PORT", "0")  # whoever runs this may serve figures already
    commands: list[list[str]] = []
    monkeypatch.setattr("os.execv", lambda _, command: commands.append(command))
    return commands


async def place_model(home: Path) -> Path:
    """Put a model that LightGBM trained on a shelf below *home*, and return the folder of its files."""
    clock = MemoryClock(NOON)
    shelf = DiskModelShelf(home / "models", LightgbmLoader())
    with TemporaryDirectory() as folder:
        trainer = LightgbmTrainer(clock=clock, seed=1)
        shelf.place(ModelVersion(1), await fit(Polars(), trainer, a_history(), Path(folder)))
    placed = champion_folder(home / "models")
    assert placed is not None
    return placed


@pytest.mark.parametrize("is_sound", [True, False])
async def test_a_service_opens_everything_twice_only_where_it_lacks_a_sound_champion(
    server: list[list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_sound: bool
) -> None:
    placed = await place_model(tmp_path / "home")
    if not is_sound:
        (placed / "centre.txt").write_text("altered")
    opened: list[Settings] = []

    @asynccontextmanager
    async def refuse(settings: Settings) -> AsyncIterator[None]:
        opened.append(settings)
        raise NoChampion("none in the registry")
        yield

    monkeypatch.setattr(session, "opened", refuse)
    await serving.serve()
    assert len(opened) == (not is_sound)
    assert len(server) == 1


@pytest.mark.parametrize("trouble", [NoChampion("none"), Unavailable("away"), BrokenModel("altered"), None])
async def test_no_trouble_of_the_registry_keeps_a_service_from_starting(
    server: list[list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trouble: Exception | None
) -> None:
    """Nor one that never answers."""

    class Sync:
        async def sync(self) -> None:
            if trouble is None:
                await asyncio.sleep(60)
            else:
                raise trouble

    @asynccontextmanager
    async def opened(settings: Settings) -> AsyncIterator[SimpleNamespace]:
        yield SimpleNamespace(sync=Sync())

    monkeypatch.setattr(session, "opened", opened)
    monkeypatch.setattr(serving, "PATIENCE_S", 0.05)
    await serving.serve()
    assert len(server) == 1


async def test_what_would_keep_the_server_from_opening_is_said_before_it_starts(
    server: list[list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim_home(tmp_path / "home", A_CITY)
    with pytest.raises(InvalidSettings, match="is the home of"):
        await serving.serve()
    monkeypatch.setenv("TAXI_PROFILE", "server")
    with pytest.raises(InvalidSettings, match="DATABASE_URL and MLFLOW_TRACKING_URI"):
        await serving.serve()
    assert server == []
