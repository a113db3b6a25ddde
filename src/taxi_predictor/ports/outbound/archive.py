"""Where trips go that a store no longer keeps."""

from abc import abstractmethod
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from taxi_predictor.domain.trip import TripBatch
from taxi_predictor.domain.trip_sum import TripSum

__all__ = ["ArchivedTrips", "TripArchive"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchivedTrips:
    """Trips of one family that were picked up in one month (UTC), which is its first day."""

    family: str
    month: date
    name: str
    """Names them as a source of trips, such as the path of their file."""
    sum: TripSum


class TripArchive(Protocol):
    """Trips of old months, away from the database."""

    @abstractmethod
    async def write(self, family: str, month: date, batches: AsyncIterator[TripBatch], /) -> ArchivedTrips:
        """Keep the trips of *batches*, all or nothing.

        When it returns they outlive a crash of the machine, and were read back and found equal to what
        came. Equal trips written again are the same archive; others of that month stand beside the former
        ones, which are never replaced. If *batches* raises, nothing has happened.

        Raises:
            StorageFull: there is no room.
            Unavailable: it takes nothing now, or what was read back is not what was written.
        """
        ...

    @abstractmethod
    def read(self, name: str, /) -> AsyncGenerator[TripBatch, None]:
        """Yield the trips that were kept under *name*, in the order in which they came, in bounded memory.

        Raises:
            MissingSource: there are none of that name.
        """
        ...
