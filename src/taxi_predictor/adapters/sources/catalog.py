"""Every source of trips by one name: a path, ``s3://bucket``, ``tlc:green:2024-01``, ``simulation:``..."""

import asyncio
import re
from pathlib import Path
from typing import TYPE_CHECKING

from taxi_predictor.domain.city import City
from taxi_predictor.domain.errors import InvalidSource
from taxi_predictor.domain.model import SIMULATION
from taxi_predictor.domain.place import ZoneTable
from taxi_predictor.domain.record import OUTCOMES
from taxi_predictor.ports.outbound.outcomes import OutcomeLog
from taxi_predictor.ports.outbound.progress import Progress
from taxi_predictor.ports.outbound.sources import SourceCatalog, TripSource

if TYPE_CHECKING:
    from taxi_predictor.adapters.sources.download import TlcArchive

__all__ = ["Catalog"]

TLC = "tlc"
CLOUDS = ("s3", "gs")
SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")  # of two letters at least: C: is a drive


class Catalog(SourceCatalog):
    """Imports what a kind of source needs when it is first asked for: those who serve ask for outcomes only.

    Args:
        cache: the folder where downloads are kept.
        tlc_url: where the TLC publishes its files.
        outcomes: what became of predicted trips.
    """

    def __init__(
        self, *, city: City, cache: Path, tlc_url: str, outcomes: OutcomeLog, progress: Progress
    ) -> None:
        self._city = city
        self._cache = cache
        self._tlc_url = tlc_url
        self._outcomes = outcomes
        self._progress = progress

    def open(self, spec: str, /, *, zones: ZoneTable | None, are_finished: bool = True) -> TripSource:
        scheme, colon, options = spec.partition(":")
        if colon and scheme == OUTCOMES:
            from taxi_predictor.adapters.sources.outcomes import OutcomeSource

            return OutcomeSource(options, self._outcomes, city=self._city, are_finished=are_finished)

        from taxi_predictor.adapters.sources.files import ENDINGS, FileSource
        from taxi_predictor.adapters.sources.months import SimulationSource, TlcSource

        if colon and scheme == TLC:
            return TlcSource(
                options, self._archive(), city=self._city, zones=zones, are_finished=are_finished
            )
        if colon and scheme == SIMULATION:
            return SimulationSource(options, city=self._city, are_finished=are_finished)
        if colon and options.startswith("//") and scheme in CLOUDS:
            from taxi_predictor.adapters.sources.clouds import CloudSource

            return CloudSource(spec, city=self._city, zones=zones, are_finished=are_finished)
        if "://" in spec or (SCHEME.match(spec) and not spec.lower().endswith(ENDINGS)):
            raise InvalidSource(
                f"{spec}: there is no kind of source {scheme!r}; name a file, a folder, s3://bucket/folder,"
                f" gs://bucket/folder, tlc:green:2024-01, simulation: or outcomes:"
                f" (a file whose name has a colon is written ./{spec})"
            )
        return FileSource(Path(spec), city=self._city, zones=zones, are_finished=are_finished)

    async def zones(self, spec: str, /) -> ZoneTable:
        from taxi_predictor.adapters.sources.zones import read_zones

        path = await self._archive().zones() if spec in (TLC, f"{TLC}:") else Path(spec)
        return await asyncio.to_thread(read_zones, path)

    def _archive(self) -> "TlcArchive":
        from taxi_predictor.adapters.sources.download import TlcArchive

        return TlcArchive(cache=self._cache, progress=self._progress, base_url=self._tlc_url)
