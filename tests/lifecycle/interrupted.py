"""A backtest that gets stuck in its second training, as a process to be killed."""

import asyncio
import sys
from datetime import datetime
from pathlib import Path

from lifecycle.conftest import BentTrainer, World, steady_trips
from taxi_predictor.adapters.disk.backtests import DiskBacktestStore
from taxi_predictor.domain.model import ModelArtifact
from taxi_predictor.ports.outbound.engine import TrainingData
from taxi_predictor.ports.outbound.progress import Progress

STUCK = b"stuck\n"


class GetsStuck(BentTrainer):
    async def fit(self, data: TrainingData, folder: Path, /, *, progress: Progress) -> ModelArtifact:
        if self.fitted:
            sys.stdout.buffer.write(STUCK)
            sys.stdout.flush()
            await asyncio.Event().wait()
        return await super().fit(data, folder, progress=progress)


async def main(folder: Path, since: datetime, until: datetime) -> None:
    world = World(trainer=GetsStuck(), backtests=DiskBacktestStore(folder))
    await world.store(steady_trips())
    await world.backtest.run(since, until, every="week")


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), *map(datetime.fromisoformat, sys.argv[2:])))
