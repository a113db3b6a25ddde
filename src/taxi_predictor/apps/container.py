"""The application of one city: its adapters opened, its use cases wired to them, and all closed again."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

from taxi_predictor.adapters.memory.progress import MemoryProgress
from taxi_predictor.adapters.process.garbage import nothing_collected
from taxi_predictor.apps.cities import load_city
from taxi_predictor.apps.contradictions import refuse_contradictions
from taxi_predictor.apps.environment import checked
from taxi_predictor.apps.extras import look_for, needing, stores_of
from taxi_predictor.apps.hexagon import Container
from taxi_predictor.apps.home import claim_home
from taxi_predictor.apps.profiles.outbound import Outbound
from taxi_predictor.apps.profiles.profiles import PROFILES
from taxi_predictor.apps.settings import Settings
from taxi_predictor.apps.wiring.use_cases import wire
from taxi_predictor.ports.outbound.progress import Progress

__all__ = ["Container", "open_container"]


@asynccontextmanager
async def open_container(
    settings: Settings,
    *,
    progress: Progress | None = None,
    swap: Callable[[Outbound], Outbound] = lambda outbound: outbound,
) -> AsyncIterator[Container]:
    """Open the adapters of the profile; close them in reverse order on exit.

    Raises:
        InvalidSettings: one is of the wrong kind, they contradict each other, or the home is of another city.
        NotInstalled: the package came without an extra that the profile needs.
    """
    settings = checked(settings)
    refuse_contradictions(settings)
    city = load_city(settings.city)
    if settings.profile != "memory":
        claim_home(settings.home, city)
    async with AsyncExitStack() as stack:
        profile, stores = PROFILES[settings.profile], stores_of(settings)
        with needing("train", *stores), nothing_collected():
            look_for("predict", *stores)  # what opens models is imported with the first of them
            outbound = await profile(settings, city, progress or MemoryProgress(), stack)
        yield wire(swap(outbound), settings, city)
