"""Where trips are kept."""

from abc import abstractmethod
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from taxi_predictor.domain.place import Bounds
from taxi_predictor.domain.plausibility import Rejection
from taxi_predictor.domain.trip import TripBatch, TripId
from taxi_predictor.domain.trip_sum import TripSum
from taxi_predictor.ports.outbound.sources import CleanBatch, PartName, RejectBatch

__all__ = [
    "Added",
    "Ingest",
    "IngestLog",
    "Quarantine",
    "RejectCount",
    "TripCount",
    "TripErasure",
    "TripStore",
]


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
