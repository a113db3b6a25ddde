"""The baselines keep the contract of their port."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from polars_tables import Polars
from taxi_predictor.adapters.baselines.trainer import Baselines
from taxi_predictor.ports.outbound.baselines import BaselineTrainer
from taxi_predictor.ports.testing.baselines import BaselineTrainerContract


class TestBaselines(Polars, BaselineTrainerContract):
    @asynccontextmanager
    async def open(self) -> AsyncIterator[BaselineTrainer]:
        yield Baselines(seed=1)

    async def test_the_four_are_named(self) -> None:
        assert [baseline.name for baseline in await self.baselines()] == [
            "global median",
            "OD median",
            "seed's forest",
            "shrunk lookup",
        ]
