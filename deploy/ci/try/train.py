"""Trips in, a model out, which is left on the shelf of the home that the others answer from."""

import asyncio
import os
import warnings
from pathlib import Path
from tempfile import TemporaryDirectory

from taxi_predictor import Settings, load_champion, open_container
from taxi_predictor.adapters.disk.shelf import DiskModelShelf


async def train(home: Path) -> None:
    async with open_container(Settings(profile="memory", home=home)) as hexagon:
        await hexagon.intake.ingest("simulation:trips=1500,months=1")
        model = await hexagon.training.train()
        with TemporaryDirectory() as folder:
            artifact = await hexagon.outbound.registry.fetch(model.version, Path(folder))
            DiskModelShelf(home / "models", hexagon.outbound.loader).place(model.version, artifact)


warnings.simplefilter("ignore")
home = Path(os.environ["TAXI_HOME"])
asyncio.run(train(home))
assert load_champion(home).serving().manifest.is_simulated
