"""Jobs that outlive the process that took them, with the file that was sent and the result."""

from abc import abstractmethod
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from taxi_predictor.domain.job import Job, JobId, JobNote

__all__ = ["JobStore", "KeptJob"]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptJob:
    """A job, how far it is, and where its files are, by the names that ``ScoringFiles`` takes."""

    job: Job
    note: JobNote
    source: str
    """What was sent."""
    target: str
    """What comes of it."""


class JobStore(Protocol):
    """Every process of a home sees the same jobs; each is added whole or not at all."""

    @abstractmethod
    async def add(self, job: Job, content: AsyncIterator[bytes], /) -> KeptJob:
        """Keep *job* with all of *content*; it is queued from then on.

        If *content* raises, nothing has happened, and the error comes out.

        Raises:
            StorageFull: there is no room; nothing is kept.
            Unavailable: it cannot be kept, for another reason; nothing is.
        """
        ...

    @abstractmethod
    async def jobs(self, only: JobId | None = None, /) -> Sequence[KeptJob]:
        """All of them in the order in which they were made, or *only* that one; a damaged one is none."""
        ...

    @abstractmethod
    async def note(self, job_id: JobId, note: JobNote, /) -> None:
        """Let *note* be what is known of it; one that is not there any more is not brought back.

        What was sent for a job that is over is forgotten.

        Raises:
            StorageFull: there is no room, or too little for a job that is running to go on; the former
                note stays.
            Unavailable: it cannot be kept, for another reason; the former note stays.
        """
        ...

    @abstractmethod
    async def remove(self, job_id: JobId, /) -> None:
        """Forget it and all of its files; doing so again is harmless.

        Whoever still works on it finds its files gone.
        """
        ...

    @abstractmethod
    def result(self, job_id: JobId, /) -> AsyncIterator[bytes]:
        """Yield what came of it, in pieces.

        Raises:
            UnknownJob: there is nothing, for it is not there any more or has not succeeded.
        """
        ...
