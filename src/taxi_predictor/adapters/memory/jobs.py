"""Jobs of one process, forgotten at its end."""

from collections.abc import AsyncIterator, Sequence

from taxi_predictor.domain.errors import UnknownJob
from taxi_predictor.domain.job import Job, JobId, JobNote, JobState
from taxi_predictor.ports.outbound.jobs import JobStore, KeptJob

__all__ = ["MemoryJobStore"]


class MemoryJobStore(JobStore):
    """What was sent and what came of it are in :attr:`files`, by the names that jobs have for them."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self._jobs: dict[JobId, KeptJob] = {}

    async def add(self, job: Job, content: AsyncIterator[bytes], /) -> KeptJob:
        sent = b"".join([piece async for piece in content])
        kept = KeptJob(
            job=job,
            note=JobNote(state=JobState.QUEUED, at=job.created_at),
            source=f"{job.job_id}/trips",
            target=f"{job.job_id}/answers",
        )
        self.files[kept.source] = sent
        self._jobs[job.job_id] = kept
        return kept

    async def jobs(self, only: JobId | None = None, /) -> Sequence[KeptJob]:
        found = [kept for job_id, kept in self._jobs.items() if only in (None, job_id)]
        return sorted(found, key=lambda kept: (kept.job.created_at, kept.job.job_id))

    async def note(self, job_id: JobId, note: JobNote, /) -> None:
        kept = self._jobs.get(job_id)
        if kept is None:
            return
        self._jobs[job_id] = KeptJob(job=kept.job, note=note, source=kept.source, target=kept.target)
        if note.state.is_over:
            self.files.pop(kept.source, None)

    async def remove(self, job_id: JobId, /) -> None:
        kept = self._jobs.pop(job_id, None)
        if kept is not None:
            for name in (kept.source, kept.target):
                self.files.pop(name, None)

    async def result(self, job_id: JobId, /) -> AsyncIterator[bytes]:
        kept = self._jobs.get(job_id)
        content = self.files.get(kept.target) if kept is not None else None
        if content is None:
            raise UnknownJob(f"job {job_id} has no result")
        yield content
