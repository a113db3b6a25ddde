"""Sources whose parts are read and cleaned on other machines, several at once.

What one machine makes of a part lies in files of a folder that all machines see; what goes to and fro is
where. So a part may be larger than memory, and one whose machine was lost is done again beside what that
left behind.
"""

import asyncio
import pickle
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import polars as pl

from taxi_predictor.adapters.columns.arrays import frame
from taxi_predictor.adapters.columns.frames import read_frame, write_frame
from taxi_predictor.adapters.files.writing import written_below
from taxi_predictor.domain.place import ZoneTable
from taxi_predictor.domain.trip import TRIP_COLUMNS, TripBatch
from taxi_predictor.ports.outbound.machines import Machines
from taxi_predictor.ports.outbound.sources import (
    CleanBatch,
    PartName,
    RejectBatch,
    SourceCatalog,
    SourcePart,
    TripSource,
)

__all__ = ["CleanInto", "ElsewhereCatalog", "ElsewhereSource"]

NEED = "Every machine of the cluster needs that folder, with room"
ROW_NUMBER = "row_number"
NOWHERE = -1


class ElsewhereCatalog(SourceCatalog):
    """The sources of *catalog*, but for those that only this process can read, such as a database.

    Args:
        folder: is there, and every machine sees it; what is left in it is nobody's.
    """

    def __init__(self, catalog: SourceCatalog, machines: Machines, folder: Path) -> None:
        self._catalog = catalog
        self._machines = machines
        self._folder = folder

    def open(self, spec: str, /, *, zones: ZoneTable | None, are_finished: bool = True) -> TripSource:
        source = self._catalog.open(spec, zones=zones, are_finished=are_finished)
        return ElsewhereSource(source, self._machines, self._folder)

    async def zones(self, spec: str, /) -> ZoneTable:
        return await self._catalog.zones(spec)


class ElsewhereSource(TripSource):
    def __init__(self, source: TripSource, machines: Machines, folder: Path) -> None:
        self._source = source
        self._machines = machines
        self._folder = folder

    async def parts(self) -> Sequence[SourcePart]:
        parts = await self._source.parts()
        try:
            pickle.dumps(parts[0])
        except (TypeError, AttributeError, pickle.PicklingError):
            return parts
        ahead = _Ahead(self._machines, CleanInto(self._folder), parts)
        return [ElsewherePart(part, place, ahead) for place, part in enumerate(parts)]


class ElsewherePart(SourcePart):
    def __init__(self, part: SourcePart, place: int, ahead: "_Ahead") -> None:
        self._part = part
        self._place = place
        self._ahead = ahead

    @property
    def name(self) -> PartName:
        return self._part.name

    @property
    def rows(self) -> int | None:
        return self._part.rows

    @property
    def ignored_columns(self) -> Sequence[str]:
        return self._part.ignored_columns

    @property
    def missing_columns(self) -> Sequence[str]:
        return self._part.missing_columns

    async def batches(self) -> AsyncIterator[CleanBatch]:
        for cleaned in await self._ahead.of(self._place):
            yield await asyncio.to_thread(cleaned.taken)


@dataclass(frozen=True, slots=True, kw_only=True)
class CleanedRows:
    """A batch that lies in two files."""

    path: Path
    read: int
    ambiguous_times: int

    @property
    def rejects_path(self) -> Path:
        return self.path.with_suffix(".rejects")

    @classmethod
    def laid(cls, path: Path, batch: CleanBatch) -> "CleanedRows":
        trips = frame(batch.trips.table)
        numbers = pl.Series(ROW_NUMBER, batch.row_numbers, dtype=pl.Int64)
        cleaned = cls(path=path, read=batch.read, ambiguous_times=batch.ambiguous_times)
        write_frame(path, trips.with_columns(numbers))
        write_frame(cleaned.rejects_path, frame(batch.rejects.table))
        return cleaned

    def taken(self) -> CleanBatch:
        """The batch, whose files are gone then."""
        trips = read_frame(self.path)
        rejects = read_frame(self.rejects_path)
        self.path.unlink()
        self.rejects_path.unlink()
        return CleanBatch(
            trips=TripBatch(trips.select(TRIP_COLUMNS)),
            row_numbers=trips[ROW_NUMBER],
            rejects=RejectBatch(rejects),
            read=self.read,
            ambiguous_times=self.ambiguous_times,
        )


@dataclass(frozen=True, slots=True)
class CleanInto:
    """Reads and cleans a part, wherever it is called, into a folder of its own below *folder*.

    Raises:
        StorageFull: there is no room.
        Unavailable: nothing can be written there, for another reason.
    """

    folder: Path

    def __call__(self, part: SourcePart) -> list[CleanedRows]:
        return asyncio.run(self._cleaned(part))

    async def _cleaned(self, part: SourcePart) -> list[CleanedRows]:
        own = self.folder / uuid4().hex
        found: list[CleanedRows] = []
        with written_below(own, NEED):
            own.mkdir()
        async for batch in part.batches():
            with written_below(own, NEED):
                found.append(CleanedRows.laid(own / f"{len(found):06}.trips", batch))
        return found


class _Ahead:
    """What becomes of parts, in their order; those to come are worked on while the last is taken."""

    def __init__(self, machines: Machines, clean: CleanInto, parts: Sequence[SourcePart]) -> None:
        self._machines = machines
        self._clean = clean
        self._parts = parts
        self._made = machines.each(clean, parts)
        self._next = 0

    async def of(self, place: int) -> list[CleanedRows]:
        if place != self._next:
            # Somebody goes back, or leaves some out.
            await self._made.aclose()
            self._made = self._machines.each(self._clean, self._parts[place:])
        self._next = NOWHERE  # from which an error leads nowhere
        made = await anext(self._made)
        self._next = place + 1
        return made
