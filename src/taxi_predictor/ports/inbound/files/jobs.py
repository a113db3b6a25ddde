"""Jobs: a file of trips is sent, answered in the background, and its answers are fetched later."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta

from taxi_predictor.domain.errors import JobUnfinished, Overloaded, UnknownJob
from taxi_predictor.domain.job import Job, JobId, JobState, new_job_id
from taxi_predictor.ports.outbound.clock import Clock
from taxi_predictor.ports.outbound.jobs import JobStore, KeptJob
from taxi_predictor.ports.outbound.scoring import RowForm

__all__ = ["ScoringJobs"]


class ScoringJobs:
    """All jobs of a home, for their owners; :class:`~.job_work.JobWork` does them.

    Args:
        keep: how long a job is remembered after its end.
        max_unfinished: so many may be queued or under way.
    """

    def __init__(self, *, store: JobStore, clock: Clock, keep: timedelta, max_unfinished: int) -> None:
        self._store = store
        self._clock = clock
        self._keep = keep
        self._max_unfinished = max_unfinished

    async def submit(
        self, content: AsyncIterator[bytes], *, owner: str, form: RowForm, coverage: float
    ) -> KeptJob:
        """Keep *content*, a file of trips in *form*, and let each row be answered.

        Raises:
            Overloaded: too many are waiting already.
            StorageFull: there is no room for it.
        """
        unfinished = sum(not kept.note.state.is_over for kept in await self._store.jobs())
        if unfinished >= self._max_unfinished:
            raise Overloaded(f"{unfinished:,} jobs are waiting already: send it once some are done")
        job = Job(
            job_id=new_job_id(),
            owner=owner,
            form=form.value,
            coverage=coverage,
            created_at=self._clock.now(),
        )
        return await self._store.add(job, content)

    async def of(self, owner: str) -> Sequence[KeptJob]:
        """The jobs of *owner*, newest first."""
        return [kept for kept in await self._store.jobs() if kept.job.owner == owner][::-1]

    async def find(self, job_id: JobId, *, owner: str) -> KeptJob:
        """The job *job_id* of *owner*.

        Raises:
            UnknownJob: there is none: another owner's is none.
        """
        for kept in await self._store.jobs(job_id):
            if kept.job.owner == owner:
                return kept
        raise UnknownJob(f"there is no job {job_id}, or no longer")

    async def remove(self, job_id: JobId, *, owner: str) -> None:
        """Forget a job with all that was sent and answered; one under way is stopped.

        Raises:
            UnknownJob: as in :meth:`find`.
        """
        await self.find(job_id, owner=owner)
        await self._store.remove(job_id)

    async def result(self, job_id: JobId, *, owner: str) -> tuple[KeptJob, AsyncIterator[bytes]]:
        """A job, and what came of it, in pieces.

        Raises:
            UnknownJob: as in :meth:`find`.
            JobUnfinished: it has no result yet, or will have none.
        """
        kept = await self.find(job_id, owner=owner)
        if kept.note.state is not JobState.SUCCEEDED:
            why = f": {kept.note.trouble}" if kept.note.trouble else ""
            raise JobUnfinished(f"job {job_id} is {kept.note.state}{why}")
        return kept, self._store.result(job_id)

    def expires_at(self, kept: KeptJob) -> datetime | None:
        """When a job is forgotten; None: it has not ended yet."""
        return kept.note.at + self._keep if kept.note.state.is_over else None
