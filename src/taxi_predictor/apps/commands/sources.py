"""The sources of trips and the zone tables that a command is given by name."""

from pathlib import Path

from taxi_predictor.adapters.memory.predictions import MemoryOutcomeLog, MemoryPredictionLog
from taxi_predictor.adapters.memory.progress import MemoryProgress
from taxi_predictor.adapters.sources.names import is_of_the_tlc, see_zone_table
from taxi_predictor.apps.cities import load_city
from taxi_predictor.apps.commands.output import ERR
from taxi_predictor.apps.container import Container
from taxi_predictor.apps.profiles.fittings import catalog_of
from taxi_predictor.apps.settings import Settings

__all__ = ["ensure_zones", "refuse_sources", "refuse_zones"]


def refuse_sources(settings: Settings, *names: str) -> None:
    """See that *names* are sources, and their files there, before anything is opened.

    What lies in a bucket, or was published, is found out when it is asked for.

    Raises:
        InvalidSource: there is no such kind of source, or it has no such options.
        MissingSource: there is no such file or folder.
    """
    catalog = catalog_of(
        settings,
        load_city(settings.city),
        outcomes=MemoryOutcomeLog(MemoryPredictionLog()),  # none is asked for by a name alone
        progress=MemoryProgress(),
    )
    for name in names:
        catalog.see(name)


def refuse_zones(name: str | None) -> None:
    """See that the zone table *name* is there, if one is named, before anything is opened.

    Raises:
        MissingSource: there is no such file or folder.
        UnreadableSource: it is of no kind that can be read.
    """
    if name is not None and not is_of_the_tlc(name):
        see_zone_table(Path(name))


async def ensure_zones(container: Container, settings: Settings, named: str | None) -> None:
    """Learn the zone table *named*, or that of *settings* when none is known yet."""
    name = named
    if name is None and settings.zones is not None and not await container.intake.knows_zones():
        name = str(settings.zones)
    if name is not None:
        zones = await container.intake.learn_zones(name)
        ERR.print(f"[dim]{len(zones)} zones learned from {name}[/dim]")
