"""Two processes of a Dask cluster of this machine do a little work together."""

import asyncio
from contextlib import aclosing
from math import sqrt

from taxi_predictor.adapters.dask.machines import open_machines
from taxi_predictor.adapters.memory.progress import MemoryProgress


async def work() -> list[float]:
    async with open_machines(None, MemoryProgress()) as machines:
        assert await machines.count() >= 1
        async with aclosing(machines.each(sqrt, [1, 4, 9])) as made:
            return [root async for root in made]


if __name__ == "__main__":  # the processes import it, too
    roots = asyncio.run(work())
    assert roots == [1.0, 2.0, 3.0], roots
