"""Sources that serve rows which they were given."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field

from taxi_predictor.domain.errors import InvalidSource, MissingSource
from taxi_predictor.domain.place import ZoneTable
from taxi_predictor.ports.outbound.sources import CleanBatch, PartName, SourceCatalog, SourcePart, TripSource

__all__ = ["MemoryCatalog", "MemoryPart", "MemorySource"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryPart(SourcePart):
    """Rows that were cleaned already."""

    name: PartName = field()  # without it the protocol's property would be the default
    clean: Sequence[CleanBatch] = ()
    ignored_columns: Sequence[str] = ()
    missing_columns: Sequence[str] = ()

    @property
    def rows(self) -> int | None:
        return sum(batch.read for batch in self.clean)

    async def batches(self) -> AsyncIterator[CleanBatch]:
        for batch in self.clean:
            yield batch


class MemorySource(TripSource):
    def __init__(self, spec: str, given: Sequence[SourcePart]) -> None:
        self._spec = spec
        self._parts = tuple(given)

    async def parts(self) -> Sequence[SourcePart]:
        if not self._parts:
            raise MissingSource(f"there is no source {self._spec!r}")
        return self._parts


class MemoryCatalog(SourceCatalog):
    """Knows the sources and zone tables it was given, by their spec."""

    def __init__(
        self,
        *,
        sources: Mapping[str, Sequence[SourcePart]],
        zones: Mapping[str, ZoneTable] | None = None,
    ) -> None:
        self._sources = sources
        self._zones = zones or {}

    def open(self, spec: str, /, *, zones: ZoneTable | None, are_finished: bool = True) -> TripSource:
        if spec not in self._sources and ":" in spec:
            raise InvalidSource(f"no source has the scheme {spec.partition(':')[0]!r}")
        return MemorySource(spec, self._sources.get(spec, ()))

    async def zones(self, spec: str, /) -> ZoneTable:
        if spec not in self._zones:
            raise MissingSource(f"there is no zone table {spec!r}")
        return self._zones[spec]
