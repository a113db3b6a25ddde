"""A real Dask cluster of two worker processes, whose processes can be killed."""

import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from tempfile import TemporaryDirectory
from typing import Any

import dask
from distributed import LocalCluster

from taxi_predictor.adapters.dask.machines import open_machines, within
from taxi_predictor.adapters.memory.progress import MemoryProgress
from taxi_predictor.ports.outbound.machines import Machines
from waiting import until

__all__ = ["Cluster", "a_cluster", "on"]

WORKERS = 2


@dataclass(frozen=True, slots=True)
class Cluster:
    local: Any

    @property
    def address(self) -> str:
        return str(self.local.scheduler_address)

    def pids(self) -> list[int]:
        """Of its workers; others come where one is killed."""
        return [nanny.pid for nanny in self.local.workers.values() if nanny.pid]

    def be_whole(self) -> None:
        """Wait for those that come in the place of killed ones."""
        until(lambda: len(self.local.scheduler.workers) == WORKERS, "a worker does not come back")


@contextmanager
def a_cluster(workers: int = WORKERS) -> Iterator[Cluster]:
    with (
        TemporaryDirectory(prefix="dask-", ignore_cleanup_errors=True) as folder,
        # Else the scheduler looks for what a killed worker had for half a minute.
        dask.config.set({"distributed.comm.timeouts.connect": "2s"}),
        LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            silence_logs="CRITICAL",
            **within(folder),
        ) as local,
    ):
        # Dask silences whatever listens to its log: pytest does, which would hear nobody from here on.
        for handler in logging.getLogger().handlers:
            handler.setLevel(logging.NOTSET)
        yield Cluster(local)


@asynccontextmanager
async def on(cluster: Cluster, progress: MemoryProgress | None = None) -> AsyncIterator[Machines]:
    async with open_machines(cluster.address, progress or MemoryProgress()) as machines:
        yield machines
