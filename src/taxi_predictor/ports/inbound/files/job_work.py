"""Doing jobs one after the other, going on after crashes and restarts."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta

from taxi_predictor.domain.errors import (
    Invalid,
    NotFound,
    Refused,
    TargetInUse,
    Unavailable,
)
from taxi_predictor.domain.job import JobId, JobNote, JobState
from taxi_predictor.ports.inbound.files.jobs import ScoringJobs
from taxi_predictor.ports.inbound.files.scoring import Scoring
from taxi_predictor.ports.outbound.clock import Clock
from taxi_predictor.ports.outbound.jobs import JobStore, KeptJob
from taxi_predictor.ports.outbound.scoring import Reached, RowForm

__all__ = ["JobWork", "Work"]

log = logging.getLogger(__name__)

LOOK_S = 1.0
PAUSE = timedelta(seconds=10)
"""How long a job rests after something that it needs was away."""
MOST_CRASHES = 3
"""A job is given up after this many crashes at the same row."""

Work = Callable[[JobId], Awaitable[None]]


class JobWork:
    """For who works on the jobs of a home.

    Args:
        work: how :meth:`follow` does a job; None: by :meth:`work`, in this process.
        is_followed_elsewhere: another process of this home works on them.
    """

    def __init__(
        self,
        *,
        jobs: ScoringJobs,
        store: JobStore,
        scoring: Scoring,
        clock: Clock,
        work: Work | None = None,
        is_followed_elsewhere: bool = False,
    ) -> None:
        self._jobs = jobs
        self._store = store
        self._scoring = scoring
        self._clock = clock
        self._do = work or self.work
        self._is_followed_elsewhere = is_followed_elsewhere
        self._not_before: dict[JobId, datetime] = {}
        self._crashes: dict[JobId, tuple[int, int]] = {}

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
            expires_at = self._jobs.expires_at(kept)
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
        # Where even that cannot be kept, it is found out again.
        with suppress(Unavailable):
            await self._store.note(job_id, replace(last, state=state, at=self._clock.now(), trouble=trouble))
