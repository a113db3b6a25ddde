"""Where trips come from."""

from abc import abstractmethod
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from taxi_predictor.domain.place import ZoneTable
from taxi_predictor.domain.trip import Table, TripBatch

__all__ = [
    "REJECT_COLUMNS",
    "CleanBatch",
    "PartName",
    "RejectBatch",
    "SourceCatalog",
    "SourcePart",
    "TripSource",
]

REJECT_COLUMNS = (
    "row_number",  # within its part, from 1
    "reason",  # of Rejection
    "record",  # the row as it was read, a JSON object by column
)


@dataclass(frozen=True, slots=True)
class RejectBatch:
    """Rows that did not become trips: exactly the columns :data:`REJECT_COLUMNS`."""

    table: Table

    def __len__(self) -> int:
        return len(self.table)


@dataclass(frozen=True, slots=True, kw_only=True)
class CleanBatch:
    """Rows of a source after cleaning: ``read == len(trips) + len(rejects)``."""

    trips: TripBatch
    row_numbers: Iterable[int]
    """Of each trip within its part, from 1."""
    rejects: RejectBatch
    read: int
    ambiguous_times: int
    """Rows with a local time that happens twice, which were read by the rule of the source."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PartName:
    """What is ingested whole or not at all: one file, one month."""

    family: str
    """The kind of source, such as ``tlc-green``."""
    name: str
    """Which one, such as a path; (family, name) identifies the part."""


class SourcePart(Protocol):
    """What is ingested whole or not at all, such as one file; it reads and cleans itself."""

    @property
    @abstractmethod
    def name(self) -> PartName: ...

    @property
    @abstractmethod
    def rows(self) -> int | None:
        """How many rows it has, where that is cheap to know."""
        ...

    @property
    @abstractmethod
    def ignored_columns(self) -> Sequence[str]:
        """Columns that are there and mean nothing to us."""
        ...

    @property
    @abstractmethod
    def missing_columns(self) -> Sequence[str]:
        """Optional columns that are not there."""
        ...

    @abstractmethod
    def batches(self) -> AsyncIterator[CleanBatch]:
        """Yield the rows in their order, in bounded memory; each call begins anew.

        Raises:
            UnreadableSource: the part is cut short or broken.
        """
        ...


class TripSource(Protocol):
    """Where trips come from, in parts."""

    @abstractmethod
    async def parts(self) -> Sequence[SourcePart]:
        """The parts in the order in which they are to be read; at least one.

        Raises:
            MissingSource: there is nothing of that name.
            UnknownSchema: the columns are of no known kind.
            NoZones: places are given as zone ids and no zone table is known.
        """
        ...


class SourceCatalog(Protocol):
    """Finds the source, or the table of zones, that a name such as ``trips.csv`` means."""

    @abstractmethod
    def open(self, spec: str, /, *, zones: ZoneTable | None, are_finished: bool = True) -> TripSource:
        """The source that *spec* names: a file, a folder, or ``scheme:options``; reads nothing yet.

        Trips that are not finished need no end: their durations and facts may be null, and only
        their plans may be used.

        Raises:
            InvalidSource: no such scheme, or options it does not have.
        """
        ...

    @abstractmethod
    async def zones(self, spec: str, /) -> ZoneTable:
        """Read a zone table from *spec*, a file or a scheme.

        Raises:
            MissingSource: there is nothing of that name.
            UnknownSchema: it does not hold what a zone table needs.
        """
        ...
