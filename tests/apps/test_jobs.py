"""Jobs are done one after the other, wait for what is away, and are forgotten in time."""

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from taxi_predictor.adapters.memory.clock import MemoryClock
from taxi_predictor.adapters.memory.jobs import MemoryJobStore
from taxi_predictor.adapters.memory.scoring import MemoryRow, MemoryScoringFiles
from taxi_predictor.domain.errors import (
    JobUnfinished,
    Overloaded,
    StorageFull,
    Unavailable,
    UnknownJob,
)
from taxi_predictor.domain.job import JobId, JobNote, JobState, new_job_id, parse_job_id
from taxi_predictor.domain.place import ZoneTable
from taxi_predictor.ports.inbound.answers.predicting import DurationPredictor
from taxi_predictor.ports.inbound.files import job_work
from taxi_predictor.ports.inbound.files.job_work import JobWork
from taxi_predictor.ports.inbound.files.jobs import ScoringJobs
from taxi_predictor.ports.inbound.files.scoring import Scoring
from taxi_predictor.ports.outbound.scoring import RowForm, TripRows
from taxi_predictor.ports.testing.jobs import sent
from taxi_predictor.ports.testing.samples import NOON, a_history
from waiting import eventually

ROWS: list[MemoryRow] = ["missing-field", *(trip.plan for trip in a_history(trips=8))]
KEEP = timedelta(hours=2)


class Files(MemoryScoringFiles):
    """All sources have the same rows, unless something is wrong."""

    wrong: Exception | None = None

    async def rows(self, source: str, form: RowForm, /, *, zones: ZoneTable | None) -> TripRows:
        if self.wrong is not None:
            raise self.wrong
        self.trips[source] = ROWS
        return await super().rows(source, form, zones=zones)


@dataclass
class House:
    predictor: DurationPredictor
    store: MemoryJobStore = field(default_factory=MemoryJobStore)
    files: Files = field(default_factory=lambda: Files({}))
    clock: MemoryClock = field(default_factory=lambda: MemoryClock(NOON))
    work: job_work.Work | None = None

    @property
    def jobs(self) -> ScoringJobs:
        return ScoringJobs(store=self.store, clock=self.clock, keep=KEEP, max_unfinished=3)

    @property
    def job_work(self) -> JobWork:
        return JobWork(
            jobs=self.jobs,
            store=self.store,
            scoring=Scoring(files=self.files, predictor=self.predictor, clock=self.clock),
            clock=self.clock,
            work=self.work,
        )

    async def submit(self, owner: str = "dispatch") -> JobId:
        kept = await self.jobs.submit(sent(b"trips"), owner=owner, form=RowForm.CSV, coverage=0.8)
        return kept.job.job_id

    async def note(self, job_id: JobId) -> JobNote:
        [kept] = await self.store.jobs(job_id)
        return kept.note


@pytest.fixture
def house(predictor: DurationPredictor) -> House:
    return House(predictor)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_work, "LOOK_S", 0.01)


async def test_a_job_is_done_row_for_row(house: House) -> None:
    job_id = await house.submit()
    assert (await house.note(job_id)).state is JobState.QUEUED
    await house.job_work.work(job_id)
    assert await house.note(job_id) == JobNote(
        state=JobState.SUCCEEDED, at=NOON, rows_done=9, rows_total=9, problems=1
    )
    assert len(house.files.answered[f"{job_id}/answers"]) == 9
    await house.job_work.work(job_id)  # again is harmless


async def test_a_job_is_its_owners_alone(house: House) -> None:
    job_id = await house.submit()
    other = await house.submit("board")
    assert [kept.job.job_id for kept in await house.jobs.of("dispatch")] == [job_id]
    for asked in (
        house.jobs.find(other, owner="dispatch"),
        house.jobs.remove(other, owner="dispatch"),
        house.jobs.result(other, owner="dispatch"),
        house.jobs.find(new_job_id(), owner="dispatch"),
    ):
        with pytest.raises(UnknownJob):
            await asked
    assert (await house.jobs.find(other, owner="board")).job.owner == "board"


async def test_there_is_a_result_once_it_succeeded(house: House) -> None:
    job_id = await house.submit()
    with pytest.raises(JobUnfinished, match="is queued"):
        await house.jobs.result(job_id, owner="dispatch")
    await house.job_work.work(job_id)
    house.store.files[f"{job_id}/answers"] = b"answers"
    kept, content = await house.jobs.result(job_id, owner="dispatch")
    assert kept.job.job_id == job_id
    assert [piece async for piece in content] == [b"answers"]


@pytest.mark.parametrize("error", [StorageFull("no room"), Unavailable("the database is away")])
async def test_what_is_away_is_waited_for_and_the_job_goes_on(house: House, error: Exception) -> None:
    job_id = await house.submit()
    house.files.wrong = error
    with pytest.raises(Unavailable):
        await house.job_work.work(job_id)
    note = await house.note(job_id)
    assert (note.state, note.trouble) == (JobState.WAITING, str(error))
    house.files.wrong = None
    await house.job_work.work(job_id)
    assert (await house.note(job_id)).state is JobState.SUCCEEDED


async def test_a_file_that_is_none_fails_and_says_why(house: House) -> None:
    job_id = await house.submit()
    house.files.trips.clear()
    house.files.wrong = UnknownJob("of no known kind")
    await house.job_work.work(job_id)
    note = await house.note(job_id)
    assert (note.state, note.trouble) == (JobState.FAILED, "of no known kind")
    with pytest.raises(JobUnfinished, match="is failed: of no known kind"):
        await house.jobs.result(job_id, owner="dispatch")


async def test_another_process_that_is_at_it_is_left_to_it(house: House) -> None:
    job_id = await house.submit()
    async with house.files.answers(f"{job_id}/answers", RowForm.CSV):
        await house.job_work.work(job_id)
        assert (await house.note(job_id)).state is JobState.QUEUED


async def test_too_many_are_not_taken(house: House) -> None:
    for _ in range(3):
        job_id = await house.submit()
    with pytest.raises(Overloaded, match="3 jobs"):
        await house.submit()
    await house.job_work.work(job_id)
    await house.submit()


async def test_ended_jobs_are_forgotten_in_time(house: House) -> None:
    done, queued = await house.submit(), await house.submit()
    await house.job_work.work(done)
    [kept] = await house.store.jobs(done)
    assert house.jobs.expires_at(kept) == NOON + KEEP
    house.clock.advance(KEEP - timedelta(seconds=1))
    await house.job_work.next()
    assert len(await house.store.jobs()) == 2
    house.clock.advance(timedelta(seconds=1))
    assert (await house.job_work.next()) == (await house.store.jobs(queued))[0]
    assert [one.job.job_id for one in await house.store.jobs()] == [queued]


async def test_the_oldest_is_done_first_and_one_that_waits_holds_up_nobody(house: House) -> None:
    done: list[JobId] = []

    async def work(job_id: JobId) -> None:
        done.append(job_id)
        if len(done) == 1:
            raise Unavailable("away")
        await quiet.job_work.work(job_id)

    quiet = House(house.predictor, store=house.store, clock=house.clock)
    house.work = work
    first = await house.submit()
    house.clock.advance(timedelta(seconds=1))
    second = await house.submit()
    following = asyncio.create_task(house.job_work.follow())
    await eventually(lambda: len(done) == 2)
    assert done == [first, second]
    house.clock.advance(timedelta(minutes=1))
    await eventually(lambda: len(done) == 3)
    assert done == [first, second, first]
    following.cancel()
    await asyncio.wait({following})


async def test_a_job_that_is_removed_is_stopped(house: House) -> None:
    begun, stopped = asyncio.Event(), asyncio.Event()

    async def work(job_id: JobId) -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()

    house.work = work
    job_id = await house.submit()
    following = asyncio.create_task(house.job_work.follow())
    async with asyncio.timeout(5):
        await begun.wait()
        await house.jobs.remove(job_id, owner="dispatch")
        await stopped.wait()
        begun.clear()
        other = await house.submit()
        await begun.wait()  # the others go on
    assert other != job_id
    assert not following.done()
    following.cancel()
    await asyncio.wait({following})
    assert following.cancelled()
    assert (await house.note(other)).state is JobState.QUEUED


async def test_work_that_breaks_down_at_the_same_row_is_given_up(house: House) -> None:
    async def work(job_id: JobId) -> None:
        raise ChildProcessError("killed")

    house.work = work
    job_id = await house.submit()
    following = asyncio.create_task(house.job_work.follow())

    async def failed() -> JobNote | None:
        house.clock.advance(timedelta(minutes=1))
        note = await house.note(job_id)
        return note if note.state is JobState.FAILED else None

    note = await eventually(failed, "it is given up")
    assert note.trouble == "the work broke down 3 times after row 0"
    following.cancel()
    await asyncio.wait({following})


def test_only_names_of_jobs_are_names() -> None:
    job_id = new_job_id()
    assert parse_job_id(job_id) == job_id
    for text in ("", "../../etc/passwd", job_id.upper(), f"{job_id}\n"):
        with pytest.raises(UnknownJob):
            parse_job_id(text)
