"""The adapters that take over where several machines do the work: reading, training, answering files."""

import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from taxi_predictor.apps.extras import needing
from taxi_predictor.apps.profiles.outbound import Outbound
from taxi_predictor.apps.settings import Settings
from taxi_predictor.domain.errors import UnlikeMachines
from taxi_predictor.ports.outbound.machines import Machines, Member
from taxi_predictor.ports.outbound.progress import Progress

__all__ = ["clustered", "on_machines"]

TOKEN = "seen"  # noqa: S105 # no secret


@dataclass(frozen=True, slots=True)
class Sight:
    """Which host does not see a file; None: it does."""

    path: Path

    def __call__(self, member: Member) -> str | None:
        return None if self.path.is_file() else socket.gethostname()


@asynccontextmanager
async def clustered(settings: Settings, progress: Progress) -> AsyncIterator[Callable[[Outbound], Outbound]]:
    """What to exchange so that the cluster of *settings* does the work; *progress* hears of losses.

    Raises:
        NotInstalled: the package came without its extra ``cluster``.
        Unavailable: the cluster does not answer, or has no machines.
        UnlikeMachines: they have other code, or do not see the folder they work in.
    """
    with needing("cluster"):
        from taxi_predictor.adapters.dask.machines import open_machines
    async with (
        open_machines(settings.cluster, progress, first_port=settings.cluster_port) as machines,
        on_machines(machines, settings) as swap,
    ):
        yield swap


@asynccontextmanager
async def on_machines(
    machines: Machines, settings: Settings
) -> AsyncIterator[Callable[[Outbound], Outbound]]:
    """As :func:`clustered`, by any *machines*."""
    from taxi_predictor.adapters.disk.scratch import DiskTripScratch
    from taxi_predictor.adapters.lightgbm.trainer import LightgbmTrainer
    from taxi_predictor.adapters.lightgbm.ways import Together
    from taxi_predictor.adapters.sources.elsewhere import ElsewhereCatalog

    folder = (settings.cluster_folder or settings.home / "scratch").absolute()
    scratch = DiskTripScratch(folder)
    with scratch.room() as room:
        await _refuse_who_does_not_see(machines, room)

        def swap(outbound: Outbound) -> Outbound:
            way = Together(machines, seed=settings.seed, scratch=folder)
            return replace(
                outbound,
                machines=machines,
                scratch=scratch,
                catalog=ElsewhereCatalog(outbound.catalog, machines, room),
                trainer=LightgbmTrainer(clock=outbound.clock, seed=settings.seed, way=way),
            )

        yield swap


async def _refuse_who_does_not_see(machines: Machines, room: Path) -> None:
    token = room / TOKEN
    token.touch()
    blind = sorted({host for host in await machines.together(Sight(token)) if host is not None})
    token.unlink()
    if blind:
        raise UnlikeMachines(
            f"{', '.join(blind)} of the cluster does not see {room.parent.parent}: name a folder in"
            " TAXI_CLUSTER_FOLDER that all its machines see by that name, such as one on a network's disk"
        )
