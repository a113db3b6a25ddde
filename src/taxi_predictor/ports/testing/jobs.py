"""The contract of JobStore."""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from datetime import timedelta

import pytest

from taxi_predictor.domain.errors import UnknownJob
from taxi_predictor.domain.job import Job, JobNote, JobState, new_job_id
from taxi_predictor.ports.outbound.jobs import JobStore, KeptJob
from taxi_predictor.ports.testing.contract import Contract
from taxi_predictor.ports.testing.samples import NOON

__all__ = ["JobShelf", "JobStoreContract", "a_job", "sent"]

CONTENT = b"pickup_at,pickup_zone,dropoff_zone\n2024-03-01T08:30,161,132\n"


class JobShelf(ABC):
    """What a suite needs beside the store."""

    @abstractmethod
    def read(self, name: str, /) -> bytes | None:
        """A file of a job, by the name it has there; None: there is none."""

    @abstractmethod
    def write(self, name: str, content: bytes, /) -> None:
        """Let *content* be what came of a job."""


class WorkError(Exception):
    """Raised by what is sent in these tests."""


def a_job(minute: int = 0, *, owner: str = "dispatch") -> Job:
    return Job(
        job_id=new_job_id(),
        owner=owner,
        form="csv",
        coverage=0.9,
        created_at=NOON + timedelta(minutes=minute),
    )


async def sent(*pieces: bytes, error: Exception | None = None) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece
    if error is not None:
        raise error


def a_note(state: JobState, *, trouble: str | None = None) -> JobNote:
    return JobNote(
        state=state,
        at=NOON + timedelta(hours=1),
        rows_done=250,
        rows_total=1_000,
        problems=3,
        trouble=trouble,
    )


class JobStoreContract(Contract, of=JobStore):
    @abstractmethod
    def open(self) -> AbstractAsyncContextManager[tuple[JobStore, JobShelf]]:
        """An empty store, and a way to look at its files."""

    async def test_a_job_is_kept_with_all_that_was_sent(self) -> None:
        """And is queued."""
        async with self.open() as (store, shelf):
            job = a_job()
            kept = await store.add(job, sent(CONTENT[:7], CONTENT[7:]))
            assert kept.job == job
            assert kept.note == JobNote(state=JobState.QUEUED, at=job.created_at)
            assert shelf.read(kept.source) == CONTENT
            assert shelf.read(kept.target) is None
            assert list(await store.jobs()) == [kept]

    async def test_jobs_come_in_the_order_in_which_they_were_made(self) -> None:
        """All of them, or only the one that is asked for."""
        async with self.open() as (store, _):
            kept = [await store.add(a_job(minute), sent(CONTENT)) for minute in (3, 1, 2)]
            assert [one.job.created_at.minute for one in await store.jobs()] == [1, 2, 3]
            assert list(await store.jobs(kept[0].job.job_id)) == [kept[0]]
            assert list(await store.jobs(new_job_id())) == []

    async def test_of_what_breaks_off_nothing_is_kept(self) -> None:
        """And the error comes out."""
        async with self.open() as (store, _):
            with pytest.raises(WorkError):
                await store.add(a_job(), sent(CONTENT, error=WorkError()))
            assert list(await store.jobs()) == []

    async def test_the_last_note_is_what_is_known(self) -> None:
        """To the last digit, and of that job only."""
        async with self.open() as (store, _):
            one, other = [await store.add(a_job(minute), sent(CONTENT)) for minute in (1, 2)]
            for state in (JobState.RUNNING, JobState.WAITING, JobState.RUNNING):
                note = a_note(state, trouble="the disk is full" if state is JobState.WAITING else None)
                await store.note(one.job.job_id, note)
                assert [kept.note for kept in await store.jobs()] == [note, other.note]

    async def test_what_was_sent_is_forgotten_at_the_end(self) -> None:
        """And not before."""
        async with self.open() as (store, shelf):
            for state in (JobState.SUCCEEDED, JobState.FAILED):
                kept = await store.add(a_job(), sent(CONTENT))
                await store.note(kept.job.job_id, a_note(JobState.RUNNING))
                assert shelf.read(kept.source) == CONTENT
                await store.note(kept.job.job_id, a_note(state))
                assert shelf.read(kept.source) is None

    async def test_what_came_of_it_can_be_read(self) -> None:
        """In pieces, however large it is."""
        async with self.open() as (store, shelf):
            kept = await store.add(a_job(), sent(CONTENT))
            answers = CONTENT * 20_000
            shelf.write(kept.target, answers)
            await store.note(kept.job.job_id, a_note(JobState.SUCCEEDED))
            assert b"".join([piece async for piece in store.result(kept.job.job_id)]) == answers

    async def test_where_nothing_came_of_it_there_is_no_result(self) -> None:
        """Nor of a job that there is not."""
        async with self.open() as (store, _):
            kept = await store.add(a_job(), sent(CONTENT))
            for job_id in (kept.job.job_id, new_job_id()):
                with pytest.raises(UnknownJob):
                    _ = [piece async for piece in store.result(job_id)]

    async def test_a_job_that_is_removed_is_gone_with_its_files(self) -> None:
        """Again, and of one that never was, too; others stay."""
        async with self.open() as (store, shelf):
            kept, other = [await store.add(a_job(minute), sent(CONTENT)) for minute in (1, 2)]
            shelf.write(kept.target, CONTENT)
            for job_id in (kept.job.job_id, kept.job.job_id, new_job_id()):
                await store.remove(job_id)
            assert list(await store.jobs()) == [other]
            assert [shelf.read(name) for name in (kept.source, kept.target)] == [None, None]
            assert shelf.read(other.source) == CONTENT

    async def test_a_note_does_not_bring_back_what_is_gone(self) -> None:
        """Whoever works on a job may not know yet that it was removed."""
        async with self.open() as (store, _):
            kept: KeptJob = await store.add(a_job(), sent(CONTENT))
            await store.remove(kept.job.job_id)
            for state in (JobState.RUNNING, JobState.SUCCEEDED):
                await store.note(kept.job.job_id, a_note(state))
            assert list(await store.jobs()) == []
