"""A model of trips that were never stored is the model of the same trips stored."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from servers import open_database
from taxi_predictor.adapters.disk.archive import DiskTripArchive
from taxi_predictor.adapters.disk.scratch import DiskTripScratch
from taxi_predictor.adapters.lightgbm.trainer import LightgbmTrainer
from taxi_predictor.adapters.memory.baselines import MeanDurationTrainer
from taxi_predictor.adapters.memory.clock import MemoryClock
from taxi_predictor.adapters.postgres.quarantine import PostgresQuarantine
from taxi_predictor.adapters.postgres.trips import PostgresTripStore
from taxi_predictor.adapters.sources.simulation import Simulation
from taxi_predictor.apps.cities import load_city
from taxi_predictor.apps.commands.models import model_json
from taxi_predictor.apps.commands.training import train
from taxi_predictor.apps.container import Container, open_container
from taxi_predictor.apps.profiles.outbound import Outbound
from taxi_predictor.apps.settings import Settings
from taxi_predictor.domain.errors import Invalid, NotEnoughTrips, TooManyRejects
from taxi_predictor.ports.outbound.registry import RegisteredModel
from taxi_predictor.ports.testing.samples import NOON

pytestmark = pytest.mark.filterwarnings("ignore::taxi_predictor.apps.profiles.memory.NotForProduction")

CITY = load_city("new-york")
TREES = 10


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Trips in partitions by day, some of them wrong, some twice in a file or in two, in no order."""
    folder = tmp_path_factory.mktemp("partitioned")
    simulation = Simulation(city=CITY, trips=1_600, months=1)
    trips = pl.concat(
        [frame for month, _ in simulation.rows_by_month() for frame in simulation.frames(month)]
    )
    shuffled = trips.sample(fraction=1.0, shuffle=True, seed=1).with_columns(
        day=pl.col("pickup_at").cast(pl.Date)
    )
    for (day,), of_day in shuffled.partition_by("day", as_dict=True, include_key=False).items():
        (folder / f"day={day}").mkdir()
        of_day.write_parquet(folder / f"day={day}" / "part-0.parquet")
    pl.concat([trips[:50], trips[:20]]).write_parquet(folder / "day=again.parquet")
    return folder


@asynccontextmanager
async def deployment(room: Path) -> AsyncIterator[Container]:
    """One with a real database, and a trainer that is quick rather than good."""
    async with open_database() as pool:

        def swap(outbound: Outbound) -> Outbound:
            trips = PostgresTripStore(pool)
            return replace(
                outbound,
                clock=MemoryClock(NOON.replace(year=2026)),
                trips=trips,
                trip_erasure=trips,
                quarantine=PostgresQuarantine(pool),
                scratch=DiskTripScratch(room / "scratch"),
                archive=DiskTripArchive(room / "archive"),
                baselines=MeanDurationTrainer(),
                trainer=LightgbmTrainer(clock=MemoryClock(NOON), scratch=room / "scratch", max_rounds=TREES),
            )

        async with open_container(Settings(profile="memory"), swap=swap) as container:
            yield container


async def files_of(container: Container, model: RegisteredModel, into: Path) -> dict[str, bytes]:
    await asyncio.to_thread(into.mkdir)
    artifact = await container.outbound.registry.fetch(model.version, into)
    return {name: (artifact.folder / name).read_bytes() for name in artifact.manifest.files}


async def test_a_folder_gives_the_same_trees_as_the_store_and_so_does_the_archive(
    folder: Path, tmp_path: Path
) -> None:
    async with deployment(tmp_path) as container:
        outside = await container.outside_training.train([str(folder)])
        assert list(await container.outbound.trips.counts()) == []
        ingested = await container.intake.ingest(str(folder))
        assert outside.intake == ingested
        assert sum(ingested.rejected.values()) > 40
        assert ingested.known == 47
        stored = await container.training.train()
        archived = await container.archiving.archive(keep_months=1)
        assert list(await container.outbound.trips.counts()) == []
        again = await container.outside_training.train([str(tmp_path / "archive")])
        models = [stored, outside.model, again.model]
        files = [await files_of(container, model, tmp_path / f"model-{model.version}") for model in models]
    assert sum(month.sum.trips for month in archived) == ingested.added == again.intake.added
    assert again.intake.rejected == {}
    assert files[0].keys() >= {"centre.txt", "spread.txt"}
    assert files[0] == files[1] == files[2]
    assert len({model.manifest.fingerprint for model in models}) == 1
    assert {model.manifest.sources for model in models} == {("canonical",)}
    first, *others = (model.report.held_out.mae_s for model in models)
    assert others == pytest.approx([first, first], rel=1e-12)  # of the same trips in other batches
    assert json.loads(model_json(outside.model, outside.intake))["intake"]["known"] == 47


async def test_nothing_is_learned_from_a_source_that_is_not_what_it_should_be(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TAXI_PROFILE", "memory")
    with pytest.raises(TooManyRejects):
        await train(trips=("simulation:trips=200,months=1,mess=0.5",))
    with pytest.raises(NotEnoughTrips):
        await train(trips=("simulation:trips=200,months=1,mess=0.5",), max_rejects=1.0)
    with pytest.raises(Invalid, match="between 0 and 1"):
        await train(trips=("simulation:",), max_rejects=30)
