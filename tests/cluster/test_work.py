"""A cluster trains and answers as one machine does, also when its workers are killed meanwhile."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import psutil
import pytest

from cluster.two_workers import Cluster, on
from servers import slow
from taxi_predictor.adapters.disk.scratch import DiskTripScratch
from taxi_predictor.adapters.lightgbm.recipe import CENTRE_RECIPE
from taxi_predictor.adapters.lightgbm.trainer import LightgbmTrainer
from taxi_predictor.adapters.lightgbm.ways import Alone, Together, Way
from taxi_predictor.adapters.memory.baselines import MeanDurationTrainer
from taxi_predictor.adapters.memory.machines import MemoryMachines
from taxi_predictor.adapters.sources.simulation import Simulation
from taxi_predictor.apps.cities import load_city
from taxi_predictor.apps.cluster import on_machines
from taxi_predictor.apps.container import Container, open_container
from taxi_predictor.apps.profiles.outbound import Outbound
from taxi_predictor.apps.settings import Settings
from taxi_predictor.apps.wiring.folder_scoring import folder_scoring_of
from taxi_predictor.domain.split import TimeSplit
from taxi_predictor.ports.inbound.learning.fitting import training_data
from taxi_predictor.ports.outbound.engine import TrainingData
from taxi_predictor.ports.outbound.machines import Machines
from taxi_predictor.ports.outbound.registry import RegisteredModel
from waiting import eventually

pytestmark = pytest.mark.filterwarnings("ignore::taxi_predictor.apps.profiles.memory.NotForProduction")

CITY = load_city("new-york")
TRIPS, TREES, MANY_TREES = 40_000, 30, 250
ROWS, PARTS = 6_000, 4
RECIPE = CENTRE_RECIPE | {"learning_rate": 0.2, "num_leaves": 63}
MEMBER = "taxi_predictor.adapters.dask.member"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Simulated trips in parts of very different sizes; some are wrong."""
    folder = tmp_path_factory.mktemp("trips")
    simulation = Simulation(city=CITY, trips=ROWS, months=1)
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
async def deployment(room: Path, cluster: Cluster | None, *, trees: int = TREES) -> AsyncIterator[Container]:
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
            return replace(outbound, trainer=LightgbmTrainer(clock=outbound.clock, max_rounds=trees, way=way))

        yield await stack.enter_async_context(open_container(settings, swap=swap))


async def trained(container: Container) -> RegisteredModel:
    return (await container.outside_training.train([f"simulation:trips={TRIPS},months=2"])).model


async def trees_of(container: Container, model: RegisteredModel, into: Path) -> str:
    await asyncio.to_thread(into.mkdir)
    artifact = await container.outbound.registry.fetch(model.version, into)
    return trees_in((artifact.folder / "centre.txt").read_text())


def trees_in(booster: str) -> str:
    return booster.partition("\nparameters:")[0]


@asynccontextmanager
async def data_of(container: Container, *, trips: int = TRIPS) -> AsyncIterator[TrainingData]:
    """What a training would learn from."""
    outbound = container.outbound
    async with outbound.scratch.store() as store:
        await container.intake.ingest_into(store, f"simulation:trips={trips},months=2")
        days = await store.days(CITY.time_zone, None)
        split = TimeSplit.choose(days, tz=CITY.tz, until=None)
        async with training_data(
            store, CITY, split, scratch=outbound.scratch, progress=outbound.progress
        ) as data:
            yield data


def by_two(machines: Machines, seed: int = 1) -> Together:
    """One who sends work, and looks at a share of the trips."""
    return Together(machines, seed=seed, scratch=None, sample_trips=TRIPS // 3)


def unheard(done: float) -> None:
    """Nobody watches."""


def members(cluster: Cluster) -> Iterator[psutil.Process]:
    """Processes that grow trees together."""
    for pid in cluster.pids():
        yield from (child for child in psutil.Process(pid).children() if MEMBER in child.cmdline())


def talks(member: psutil.Process) -> bool:
    """To the other one, as it does from before it has features until all trees are grown."""
    return any(one.status == psutil.CONN_ESTABLISHED for one in member.net_connections("tcp"))


async def kill_a_worker(cluster: Cluster) -> None:
    """While the members of a team are at work, and not only being started."""

    def are_at_it() -> bool:
        with suppress(psutil.Error):
            return len([one for one in members(cluster) if talks(one)]) == 2
        return False

    await eventually(are_at_it)
    os.kill(cluster.pids()[0], signal.SIGKILL)


async def kill_while_answering(cluster: Cluster, target: Path) -> None:
    """Once the first answers are begun."""
    await eventually(lambda: files(target, "*"))
    os.kill(cluster.pids()[0], signal.SIGKILL)


def files(folder: Path, pattern: str = "*.parquet") -> list[Path]:
    return sorted(folder.rglob(pattern))


def content_of(room: Path, name: Path) -> tuple[pl.DataFrame, pl.DataFrame]:
    return pl.read_parquet(room / "by-cluster" / name), pl.read_parquet(room / "by-one" / name)


async def test_trees_grown_together_are_as_good_as_those_grown_alone(tmp_path: Path) -> None:
    missed_s: dict[type[Way], list[float]] = {Alone: [], Together: []}
    async with deployment(tmp_path, None) as container, data_of(container) as data:
        for seed in (1, 2):
            alone, together = Alone(seed=seed, scratch=None), by_two(MemoryMachines(2), seed)
            with alone.rows(data, unheard) as rows, together.rows(data, unheard) as share:
                assert (rows.shares, share.shares) == (1, 3)
                assert 0.25 < len(share) / len(rows) < 0.4
                asked, actual_s = rows.unseen.features[:], np.exp(rows.unseen.log_s[:][:, 0])
                for way in (alone, together):
                    trial = await way.trial(data, rows, RECIPE, TREES, unheard)
                    assert TREES * 0.8 < trial.best_iteration <= TREES
                    said_s = np.exp(np.asarray(trial.predict(asked)))
                    missed_s[type(way)].append(float(np.abs(said_s - actual_s).mean()))
    assert np.mean(missed_s[Together]) == pytest.approx(np.mean(missed_s[Alone]), rel=0.005)


async def test_trees_are_the_same_on_a_cluster_whose_worker_is_killed_while_they_grow(
    cluster: Cluster, tmp_path: Path
) -> None:
    async with (
        deployment(tmp_path, None) as container,
        data_of(container, trips=TRIPS // 4) as data,
        on(cluster) as machines,
    ):
        here, there = by_two(MemoryMachines(2)), by_two(machines)
        with here.rows(data, unheard) as rows:
            killing = asyncio.create_task(kill_a_worker(cluster))
            grown_there = await there.centre(data, rows, RECIPE, MANY_TREES, unheard)
            await killing
            grown_here = await here.centre(data, rows, RECIPE, MANY_TREES, unheard)
    assert grown_there.num_trees() == MANY_TREES
    assert trees_in(grown_there.model_to_string()) == trees_in(grown_here.model_to_string())


@slow
async def test_a_cluster_trains_as_well_as_one_machine_and_the_same_if_a_worker_is_killed(
    cluster: Cluster, folder: Path, tmp_path: Path
) -> None:
    async with deployment(tmp_path, None, trees=60) as container:
        alone = await trained(container)
    async with deployment(tmp_path, cluster, trees=60) as container:
        together = await trained(container)
        killing = asyncio.create_task(kill_a_worker(cluster))
        again = await trained(container)
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
    async with deployment(tmp_path, None, trees=3) as container, on(cluster) as machines:
        few = await container.outside_training.train(["simulation:trips=1500,months=1"])
        await container.lifecycle.promote(few.model.version, override="they are made up")
        by_cluster = folder_scoring_of(replace(container.outbound, machines=machines), container.predictor)
        killing = asyncio.create_task(kill_while_answering(cluster, tmp_path / "by-cluster"))
        scored = await by_cluster.score(str(folder), str(tmp_path / "by-cluster"))
        await killing
        by_one = await container.folder_scoring.score(str(folder), str(tmp_path / "by-one"))
    assert by_one == replace(scored, resumed_at=0)
    answers = {
        path.relative_to(folder): content_of(tmp_path, path.relative_to(folder)) for path in files(folder)
    }
    assert len(answers) == PARTS
    for one, other in answers.values():
        assert one.equals(other)
    assert sum(len(one) for one, _ in answers.values()) == scored.rows == ROWS
    assert scored.refused > 0
    assert files(tmp_path / "by-cluster", "*.parts") == []
