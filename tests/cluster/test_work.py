"""A cluster trains and answers as one machine does, also when its workers are killed meanwhile."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import polars as pl
import psutil
import pytest

from cluster.two_workers import Cluster, on
from taxi_predictor.adapters.disk.scratch import DiskTripScratch
from taxi_predictor.adapters.lightgbm.trainer import LightgbmTrainer
from taxi_predictor.adapters.lightgbm.ways import Together
from taxi_predictor.adapters.memory.baselines import MeanDurationTrainer
from taxi_predictor.adapters.memory.machines import MemoryMachines
from taxi_predictor.adapters.sources.simulation import Simulation
from taxi_predictor.apps.cities import load_city
from taxi_predictor.apps.cluster import on_machines
from taxi_predictor.apps.container import Container, open_container
from taxi_predictor.apps.folders import folder_scoring_of
from taxi_predictor.apps.outbound import Outbound
from taxi_predictor.apps.settings import Settings
from taxi_predictor.ports.outbound.models import RegisteredModel

pytestmark = pytest.mark.filterwarnings("ignore::taxi_predictor.apps.profiles.NotForProduction")

CITY = load_city("new-york")
TREES, PARTS = 60, 6
MEMBER = "taxi_predictor.adapters.dask.member"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Simulated trips in parts of very different sizes; some are wrong."""
    folder = tmp_path_factory.mktemp("trips")
    simulation = Simulation(city=CITY, trips=40_000, months=2)
    frames = [frame for month, _ in simulation.rows_by_month() for frame in simulation.frames(month)]
    trips = pl.concat(frames).sample(fraction=1.0, shuffle=True, seed=1)
    first = 0
    for part in range(PARTS):
        rows = len(trips) * 2**part // (2**PARTS - 1) + 1
        (folder / f"part={part}").mkdir()
        trips[first : first + rows].write_parquet(folder / f"part={part}" / "trips.parquet")
        first += rows
    return folder


@asynccontextmanager
async def deployment(room: Path, cluster: Cluster | None) -> AsyncIterator[Container]:
    """On the cluster, or on this machine; with less than all trees."""
    settings = Settings(profile="memory", home=room)
    async with AsyncExitStack() as stack:
        clustered = None
        if cluster is not None:
            machines = await stack.enter_async_context(on(cluster))
            clustered = await stack.enter_async_context(on_machines(machines, settings))

        def swap(outbound: Outbound) -> Outbound:
            outbound = replace(outbound, baselines=MeanDurationTrainer())
            way = None
            if clustered is None:
                outbound = replace(outbound, scratch=DiskTripScratch(room / "scratch"))
            else:
                outbound = clustered(outbound)
                way = Together(outbound.machines, seed=1, scratch=room)
            return replace(outbound, trainer=LightgbmTrainer(clock=outbound.clock, max_rounds=TREES, way=way))

        yield await stack.enter_async_context(open_container(settings, swap=swap))


async def trained(container: Container, folder: Path) -> RegisteredModel:
    return (await container.outside_training.train([str(folder)])).model


async def trees_of(container: Container, model: RegisteredModel, into: Path) -> bytes:
    await asyncio.to_thread(into.mkdir)
    artifact = await container.outbound.registry.fetch(model.version, into)
    return (artifact.folder / "centre.txt").read_bytes().partition(b"\nparameters:")[0]


def members(cluster: Cluster) -> Iterator[psutil.Process]:
    """Processes that grow trees together."""
    for pid in cluster.pids():
        yield from (child for child in psutil.Process(pid).children() if MEMBER in child.cmdline())


async def kill_a_worker(cluster: Cluster, team: int) -> None:
    """While the members of that team work: teams are counted from 1."""
    seen: set[int] = set()
    while len(seen) < 2 * team:
        seen |= {child.pid for child in members(cluster)}
        await asyncio.sleep(0.02)
    await asyncio.sleep(0.7)
    assert list(members(cluster)), "they are at it"
    os.kill(cluster.pids()[0], signal.SIGKILL)


async def kill_while_answering(cluster: Cluster, target: Path) -> None:
    """Once a file of answers is begun, and none of the last is whole."""
    while not files(target, "*.parts"):  # noqa: ASYNC110 # another process begins it
        await asyncio.sleep(0.01)
    os.kill(cluster.pids()[0], signal.SIGKILL)


def files(folder: Path, pattern: str = "*.parquet") -> list[Path]:
    return sorted(folder.rglob(pattern))


def content_of(room: Path, name: Path) -> tuple[pl.DataFrame, pl.DataFrame]:
    return pl.read_parquet(room / "by-cluster" / name), pl.read_parquet(room / "by-one" / name)


async def test_a_cluster_trains_as_well_as_one_machine_and_the_same_if_a_worker_is_killed(
    cluster: Cluster, folder: Path, tmp_path: Path
) -> None:
    async with deployment(tmp_path, None) as container:
        alone = await trained(container, folder)
    async with deployment(tmp_path, cluster) as container:
        together = await trained(container, folder)
        # The first team is that which looks whether all see the same folder.
        killing = asyncio.create_task(kill_a_worker(cluster, team=1))
        again = await trained(container, folder)
        await killing
        trees = [
            await trees_of(container, model, tmp_path / str(model.version)) for model in (together, again)
        ]
        assert trees[0] == trees[1]
    assert together.manifest.fingerprint == alone.manifest.fingerprint
    assert together.manifest.trips == alone.manifest.trips
    assert together.report.held_out.n == alone.report.held_out.n
    assert together.report.held_out.mae_s == pytest.approx(alone.report.held_out.mae_s, rel=0.005)
    assert together.report.held_out.coverage_80 == pytest.approx(alone.report.held_out.coverage_80, abs=0.01)
    assert list((tmp_path / "scratch").iterdir()) == [], "nothing is left behind"  # a look


async def test_a_folder_is_answered_by_a_cluster_as_by_one_machine_also_if_a_worker_is_killed(
    cluster: Cluster, folder: Path, tmp_path: Path
) -> None:
    async with deployment(tmp_path, cluster) as container:
        model = await trained(container, folder)
        await container.lifecycle.promote(model.version, override="they are made up")
        killing = asyncio.create_task(kill_while_answering(cluster, tmp_path / "by-cluster"))
        scored = await container.folder_scoring.score(str(folder), str(tmp_path / "by-cluster"))
        await killing
        alone = replace(container.outbound, machines=MemoryMachines())
        by_one = folder_scoring_of(alone, container.predictor)
        assert await by_one.score(str(folder), str(tmp_path / "by-one")) == replace(scored, resumed_at=0)
    answers = {
        path.relative_to(folder): content_of(tmp_path, path.relative_to(folder)) for path in files(folder)
    }
    assert len(answers) == PARTS
    for by_cluster, by_one in answers.values():
        assert by_cluster.equals(by_one)
    assert sum(len(by_one) for _, by_one in answers.values()) == scored.rows > 40_000 * 0.95
    assert scored.refused > 0
    assert files(tmp_path / "by-cluster", "*.parts") == []
