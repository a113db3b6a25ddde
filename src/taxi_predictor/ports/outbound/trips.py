"""Where trips come from and where they are kept."""

from abc import abstractmethod
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from taxi_predictor.domain.place import Bounds, ZoneTable
from taxi_predictor.domain.plausibility import Rejection
from taxi_predictor.domain.trip import Table, TripBatch, TripId
from taxi_predictor.domain.trip_sum import TripSum

__all__ = [
    "REJECT_COLUMNS",
    "Added",
    "CleanBatch",
    "Ingest",
    "IngestLog",
    "PartName",
    "Quarantine",
    "RejectBatch",
    "RejectCount",
    "SourceCatalog",
    "SourcePart",
    "TripCount",
    "TripErasure",
    "TripSource",
    "TripStore",
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Added:
    """What became of the trips of one part: ``offered == added + known + duplicates``."""

    added: int
    known: int
    """Were stored already."""
    duplicates: int
    """Stood earlier in the same part; they are in the quarantine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TripCount:
    """How many trips of a family were picked up in a month (UTC), which is its first day."""

    family: str
    month: date
    trips: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectCount:
    part: PartName
    reason: Rejection
    rows: int


class TripStore(Protocol):
    """Keeps trips, and beside them the rows that were refused."""

    @abstractmethod
    async def add(self, part: PartName, batches: AsyncIterator[CleanBatch], /) -> Added:
        """Store the trips of a whole part and quarantine its rejects, all or nothing.

        Batches follow each other as their rows do; within one, rows may stand in any order.

        A trip is known by its id and pickup instant together. One that is already stored is left as
        it was: the first write wins. Of equal ones within the part the lowest row number is kept and
        the others are quarantined as duplicates.
        The part's former rejects are replaced. If *batches* raises, nothing has happened. A reader
        never sees half a part.

        Raises:
            Unavailable: the store does not answer; nothing was stored.
            StorageFull: there is no room; nothing was stored.
        """
        ...

    @abstractmethod
    def between(
        self,
        since: datetime | None,
        until: datetime | None,
        /,
        *,
        pickup_in: Bounds | None = None,
        dropoff_in: Bounds | None = None,
        family: str | None = None,
    ) -> AsyncGenerator[TripBatch, None]:
        """Yield the trips picked up from *since* up to, not including, *until* (None: no limit).

        Only those that begin in *pickup_in* and end in *dropoff_in*, edges included (None: anywhere), and
        that came with a part of *family* (None: any).
        Ordered by (pickup_at, trip_id), in bounded memory, no empty batches. Whoever leaves early closes
        it, with :func:`contextlib.aclosing`.

        Raises:
            Unavailable: the store does not answer.
        """
        ...

    @abstractmethod
    async def days(self, time_zone: str, until: datetime | None, /) -> Sequence[tuple[date, int]]:
        """Count the trips picked up before *until* by local day, oldest first, none empty."""
        ...

    @abstractmethod
    async def counts(self) -> Sequence[TripCount]:
        """Count the trips by family and month, in that order, none empty."""
        ...

    @abstractmethod
    async def families(self, since: datetime, until: datetime, /) -> Sequence[str]:
        """The families of the trips picked up from *since* up to, not including, *until*, sorted."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Ingest:
    """One part that came in: ``read == added + known + rejected``, of which duplicates are rejected."""

    part: PartName
    stored_at: datetime
    added: int
    known: int
    rejected: int


class IngestLog(Protocol):
    """What came into a store, and when."""

    @abstractmethod
    async def ingests(self, *, limit: int) -> Sequence[Ingest]:
        """The *limit* parts that were stored last, newest first; one that was stored twice is there twice.

        A part that broke is not there. When it was stored is by the clock of the store.

        Raises:
            Unavailable: the store does not answer.
        """
        ...


class TripErasure(Protocol):
    """Takes trips out of a store again, which nothing else does."""

    @abstractmethod
    async def erase(self, trips: Sequence[tuple[datetime, TripId]], /) -> int:
        """Remove those of *trips*, each named by its pickup instant and its id, that are stored.

        Returns how many that were. It may be stored again afterwards: whoever does not want that erases
        it at its source first.

        Raises:
            Unavailable: the store does not answer; nothing was removed.
        """
        ...

    @abstractmethod
    async def drop_month(self, month: date, meant: TripSum, /) -> None:
        """Remove every trip picked up in the *month* (UTC) of that first day, if they are those *meant*.

        All or nothing, also where trips come in or are erased meanwhile. They may be stored again.

        Raises:
            TripsChanged: there are others, or not these; nothing was removed.
            Unavailable: the store does not answer, or is busy with that month; nothing was removed.
        """
        ...


class Quarantine(Protocol):
    """Rows that did not become trips, kept until their part is ingested again."""

    @abstractmethod
    async def counts(self) -> Sequence[RejectCount]:
        """Count the rows by part and reason, in that order, none empty."""
        ...

    @abstractmethod
    def rejects(
        self, *, part: PartName | None = None, reason: Rejection | None = None
    ) -> AsyncGenerator[tuple[PartName, RejectBatch], None]:
        """Yield the rows, by part and row number, in bounded memory, no empty batches.

        Whoever leaves early closes it, with :func:`contextlib.aclosing`.
        """
        ...
