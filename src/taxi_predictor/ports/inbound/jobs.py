"""Jobs: a file of trips is left here, worked on beside all else, and its answers are fetched later."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta

from taxi_predictor.domain.errors import (
    Invalid,
    JobUnfinished,
    NotFound,
    Overloaded,
    Refused,
    StorageFull,
    TargetInUse,
    Unavailable,
    UnknownJob,
)
from taxi_predictor.domain.job import Job, JobId, JobNote, JobState, new_job_id
from taxi_predictor.ports.inbound.scoring import Scoring
from taxi_predictor.ports.outbound.clock import Clock
from taxi_predictor.ports.outbound.jobs import JobStore, KeptJob
from taxi_predictor.ports.outbound.scoring import Reached, RowForm

__all__ = ["ScoringJobs", "Work"]

log = logging.getLogger(__name__)

LOOK_S = 1.0
PAUSE = timedelta(seconds=10)
"""So long a job rests that something was away for."""
MOST_CRASHES = 3
"""A job at whose same row the work crashed so often is given up."""

Work = Callable[[JobId], Awaitable[None]]


class ScoringJobs:
    """All jobs of a home, for their owners and for who works on them.

    Args:
        keep: how long a job is remembered after its end.
        max_unfinished: so many may be queued or under way.
        work: how one is done where :meth:`follow` is; None: by :meth:`work`, here.
        is_followed_elsewhere: another process of this home works on them.
    """

    def __init__(
        self,
        *,
        store: JobStore,
        scoring: Scoring,
        clock: Clock,
        keep: timedelta,
        max_unfinished: int,
        work: Work | None = None,
        is_followed_elsewhere: bool = False,
    ) -> None:
        self._store = store
        self._scoring = scoring
        self._clock = clock
        self._keep = keep
        self._max_unfinished = max_unfinished
        self._do = work or self.work
        self._is_followed_elsewhere = is_followed_elsewhere
        self._not_before: dict[JobId, datetime] = {}
        self._crashes: dict[JobId, tuple[int, int]] = {}

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
        kept = await self._known(job_id)
        if kept is not None and kept.job.owner == owner:
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

    async def work(self, job_id: JobId) -> None:
        """Do the job, from where it was interrupted; one that is over or gone is done.

        Raises:
            Unavailable: something is away that it needs; it is noted so, and can be gone on with.
        """
        kept = await self._known(job_id)
        if kept is None or kept.note.state.is_over:
            return
        last = kept.note

        async def tell(reached: Reached, total: int | None) -> None:
            nonlocal last
            last = JobNote(
                state=JobState.RUNNING,
                at=self._clock.now(),
                rows_done=reached.rows,
                rows_total=None if total is None else max(total, reached.rows),
                problems=reached.refused,
            )
            await self._store.note(job_id, last)

        try:
            scored = await self._scoring.score(
                kept.source,
                kept.target,
                form=RowForm(kept.job.form),
                coverage=kept.job.coverage,
                tell=tell,
            )
        except TargetInUse:
            return  # another process is at it
        except Unavailable as error:
            await self._say(job_id, last, JobState.WAITING, str(error))
            raise
        except (Invalid, NotFound, Refused) as error:
            await self._say(job_id, last, JobState.FAILED, str(error))
            return
        await self._store.note(
            job_id,
            JobNote(
                state=JobState.SUCCEEDED,
                at=self._clock.now(),
                rows_done=scored.rows,
                rows_total=scored.rows,
                problems=scored.refused,
            ),
        )

    async def follow(self) -> None:
        """Do job after job for ever, the oldest first, and forget those that were kept long enough."""
        if self._is_followed_elsewhere:
            return
        await self.follow_here()

    async def follow_here(self) -> None:
        """As :meth:`follow`, in this process in any case."""
        while True:
            kept = await self.next()
            if kept is None:
                await asyncio.sleep(LOOK_S)
            else:
                await self._see_to(kept)

    async def next(self) -> KeptJob | None:
        """The oldest job to be worked on; those that were kept long enough are removed."""
        now = self._clock.now()
        jobs = await self._store.jobs()
        for kept in jobs:
            expires_at = self.expires_at(kept)
            if expires_at is not None and expires_at <= now:
                await self._store.remove(kept.job.job_id)
        waiting = {kept.job.job_id: kept for kept in jobs if not kept.note.state.is_over}
        self._not_before = {job_id: at for job_id, at in self._not_before.items() if job_id in waiting}
        self._crashes = {job_id: seen for job_id, seen in self._crashes.items() if job_id in waiting}
        return next(
            (kept for kept in waiting.values() if self._not_before.get(kept.job.job_id, now) <= now), None
        )

    async def _see_to(self, kept: KeptJob) -> None:
        """Do *kept*, and stop once it is removed."""
        job_id = kept.job.job_id
        work = asyncio.ensure_future(self._do(job_id))
        try:
            while not work.done():
                await asyncio.wait({work}, timeout=LOOK_S)
                if not work.done() and await self._known(job_id) is None:
                    return
            await work
        except Unavailable as error:
            log.warning("job.waits", extra={"job_id": job_id, "reason": str(error)})
            self._not_before[job_id] = self._clock.now() + PAUSE
        except Exception:
            log.exception("job.crashed", extra={"job_id": job_id})
            await self._count_crash(kept)
        else:
            # One that another process works on is looked at later.
            self._not_before[job_id] = self._clock.now() + timedelta(seconds=LOOK_S)
        finally:
            work.cancel()
            await asyncio.wait({work})

    async def _known(self, job_id: JobId) -> KeptJob | None:
        return next(iter(await self._store.jobs(job_id)), None)

    async def _count_crash(self, kept: KeptJob) -> None:
        """Give up a job that cannot be got past a row."""
        job_id = kept.job.job_id
        known = await self._known(job_id)
        now = known.note if known is not None else kept.note
        row, crashes = self._crashes.get(job_id, (-1, 0))
        crashes = crashes + 1 if row == now.rows_done else 1
        self._crashes[job_id] = now.rows_done, crashes
        self._not_before[job_id] = self._clock.now() + PAUSE
        if crashes >= MOST_CRASHES:
            trouble = f"the work broke down {crashes} times after row {now.rows_done:,}"
            await self._say(job_id, now, JobState.FAILED, trouble)

    async def _say(self, job_id: JobId, last: JobNote, state: JobState, trouble: str) -> None:
        # Where there is no room even for that, it is found out again.
        with suppress(StorageFull):
            await self._store.note(job_id, replace(last, state=state, at=self._clock.now(), trouble=trouble))
