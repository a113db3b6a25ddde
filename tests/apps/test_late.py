"""What is made when it is first used."""

import subprocess
import sys

from taxi_predictor.adapters.memory.clock import MemoryClock
from taxi_predictor.apps.profiles.late import late
from taxi_predictor.ports.testing.samples import NOON

OPEN = """
import asyncio, sys
from taxi_predictor.apps.container import open_container
from taxi_predictor.apps.settings import Settings

async def main():
    async with open_container(Settings(profile="memory")) as container:
        print("lightgbm" in sys.modules)
        container.outbound.trainer.fit
        print("lightgbm" in sys.modules)

asyncio.run(main())
"""


def test_it_is_made_once_and_by_its_first_use() -> None:
    made: list[MemoryClock] = []

    def make() -> MemoryClock:
        made.append(MemoryClock(NOON))
        return made[-1]

    clock = late(make)
    assert made == []
    assert clock.now() == clock.now() == NOON
    assert len(made) == 1


def test_who_opens_no_model_and_trains_none_loads_no_engine() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", OPEN], check=True, capture_output=True, text=True
    )
    assert done.stdout.split() == ["False", "True"]
