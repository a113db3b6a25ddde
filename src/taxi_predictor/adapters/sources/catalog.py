"""Every source of trips by one name: a path, ``s3://bucket``, ``tlc:green:2024-01``, ``simulation:``..."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from taxi_predictor.adapters.sources.names import CLOUDS, TLC, files_of, is_of_the_tlc, kind_of
from taxi_predictor.domain.city import City
from taxi_predictor.domain.model import SIMULATION
from taxi_predictor.domain.place import ZoneTable
from taxi_predictor.domain.record import OUTCOMES
from taxi_predictor.ports.outbound.outcomes import OutcomeLog
from taxi_predictor.ports.outbound.progress import Progress
from taxi_predictor.ports.outbound.sources import SourceCatalog, TripSource

if TYPE_CHECKING:
    from taxi_predictor.adapters.sources.download import TlcArchive

__all__ = ["Catalog"]


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
        kind, options = kind_of(spec), spec.partition(":")[2]
        if kind == OUTCOMES:
            from taxi_predictor.adapters.sources.outcomes import OutcomeSource

            return OutcomeSource(options, self._outcomes, city=self._city, are_finished=are_finished)
        if kind == TLC:
            from taxi_predictor.adapters.sources.months import TlcSource

            return TlcSource(
                options, self._archive(), city=self._city, zones=zones, are_finished=are_finished
            )
        if kind == SIMULATION:
            from taxi_predictor.adapters.sources.months import SimulationSource

            return SimulationSource(options, city=self._city, are_finished=are_finished)
        if kind in CLOUDS:
            from taxi_predictor.adapters.sources.clouds import CloudSource

            return CloudSource(spec, city=self._city, zones=zones, are_finished=are_finished)
        from taxi_predictor.adapters.sources.files import FileSource

        return FileSource(Path(spec), city=self._city, zones=zones, are_finished=are_finished)

    def see(self, spec: str) -> None:
        """See that :meth:`open` knows *spec*, and where it is a path, that trip files are there.

        What is in a bucket, or published, is found out only when it is asked for.

        Raises:
            InvalidSource: no such scheme, options it does not have, or a file that is called otherwise.
            MissingSource: there is no such file or folder, or no trip file in it.
        """
        _ = self.open(spec, zones=None) if kind_of(spec) else files_of(Path(spec))

    async def zones(self, spec: str, /) -> ZoneTable:
        from taxi_predictor.adapters.sources.zones import read_zones

        path = await self._archive().zones() if is_of_the_tlc(spec) else Path(spec)
        return await asyncio.to_thread(read_zones, path)

    def _archive(self) -> "TlcArchive":
        from taxi_predictor.adapters.sources.download import TlcArchive

        return TlcArchive(cache=self._cache, progress=self._progress, base_url=self._tlc_url)
