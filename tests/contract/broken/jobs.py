"""Adapters that break what JobStore promises."""

from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import replace

from contract.breaking import breaks
from taxi_predictor.adapters.memory.jobs import MemoryJobStore
from taxi_predictor.domain.errors import UnknownJob
from taxi_predictor.domain.job import Job, JobId, JobNote, JobState
from taxi_predictor.ports.outbound.jobs import KeptJob
from taxi_predictor.ports.testing.jobs import JobStoreContract, WorkError


@breaks(JobStoreContract, "test_a_job_is_kept_with_all_that_was_sent")
class KeepsTheFirstPiece(MemoryJobStore):
    async def add(self, job: Job, content: AsyncIterator[bytes], /) -> KeptJob:
        async def first() -> AsyncIterator[bytes]:
            async for piece in content:
                yield piece
                return

        return await super().add(job, first())


@breaks(JobStoreContract, "test_jobs_come_in_the_order_in_which_they_were_made")
class NewestJobFirst(MemoryJobStore):
    async def jobs(self, only: JobId | None = None, /) -> Sequence[KeptJob]:
        return list(reversed(await super().jobs(only)))


@breaks(JobStoreContract, "test_of_what_breaks_off_nothing_is_kept")
class KeepsWhatCame(MemoryJobStore):
    async def add(self, job: Job, content: AsyncIterator[bytes], /) -> KeptJob:
        async def sound() -> AsyncIterator[bytes]:
            with suppress(WorkError):
                async for piece in content:
                    yield piece

        return await super().add(job, sound())


@breaks(JobStoreContract, "test_the_last_note_is_what_is_known")
class TheFirstTroubleStays(MemoryJobStore):
    async def note(self, job_id: JobId, note: JobNote, /) -> None:
        [kept] = await self.jobs(job_id) or [None]
        trouble = note.trouble or (kept and kept.note.trouble)
        await super().note(job_id, replace(note, trouble=trouble))


@breaks(JobStoreContract, "test_what_was_sent_is_forgotten_at_the_end")
class KeepsWhatFailed(MemoryJobStore):
    async def note(self, job_id: JobId, note: JobNote, /) -> None:
        files = dict(self.files)
        await super().note(job_id, note)
        if note.state is JobState.FAILED:
            self.files = files


@breaks(JobStoreContract, "test_what_came_of_it_can_be_read")
class GivesTheFirstMegabyte(MemoryJobStore):
    async def result(self, job_id: JobId, /) -> AsyncIterator[bytes]:
        async for piece in super().result(job_id):
            yield piece[: 1 << 20]


@breaks(JobStoreContract, "test_where_nothing_came_of_it_there_is_no_result")
class NothingIsAResult(MemoryJobStore):
    async def result(self, job_id: JobId, /) -> AsyncIterator[bytes]:
        with suppress(UnknownJob):
            async for piece in super().result(job_id):
                yield piece


@breaks(JobStoreContract, "test_a_job_that_is_removed_is_gone_with_its_files")
class LeavesFiles(MemoryJobStore):
    async def remove(self, job_id: JobId, /) -> None:
        files = dict(self.files)
        await super().remove(job_id)
        self.files = files


@breaks(JobStoreContract, "test_a_note_does_not_bring_back_what_is_gone")
class BringsBack(MemoryJobStore):
    def __init__(self) -> None:
        super().__init__()
        self._known: dict[JobId, KeptJob] = {}

    async def note(self, job_id: JobId, note: JobNote, /) -> None:
        self._known |= self._jobs
        if job_id in self._known:
            self._jobs[job_id] = self._known[job_id]
        await super().note(job_id, note)

    async def remove(self, job_id: JobId, /) -> None:
        self._known |= self._jobs
        await super().remove(job_id)
