"""The container that a command works with."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from taxi_predictor.adapters.rich.progress import RichProgress
from taxi_predictor.apps.cluster import clustered
from taxi_predictor.apps.commands.output import ERR
from taxi_predictor.apps.container import Container, open_container
from taxi_predictor.apps.environment import load_settings
from taxi_predictor.apps.profiles.outbound import Outbound
from taxi_predictor.apps.settings import Settings

__all__ = ["opened"]


@asynccontextmanager
async def opened(settings: Settings | None = None, *, cluster: bool = False) -> AsyncIterator[Container]:
    """The container of *settings*, or else of the environment's, with progress on standard error.

    With *cluster* the machines of its cluster do the work.
    """
    settings = settings or load_settings()
    async with AsyncExitStack() as stack:
        progress = RichProgress(ERR)
        swap = await stack.enter_async_context(clustered(settings, progress)) if cluster else _as_it_is
        container = await stack.enter_async_context(open_container(settings, progress=progress, swap=swap))
        yield container


def _as_it_is(outbound: Outbound) -> Outbound:
    return outbound
