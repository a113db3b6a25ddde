"""The jobs of a home, each done in a process of its own: whatever becomes of it happens to nobody else."""

import asyncio
import os
import sys
from datetime import timedelta

from taxi_predictor.apps.outbound import Outbound
from taxi_predictor.apps.settings import Settings
from taxi_predictor.domain.errors import Unavailable
from taxi_predictor.domain.job import JobId
from taxi_predictor.ports.inbound.files.job_work import JobWork
from taxi_predictor.ports.inbound.files.jobs import ScoringJobs
from taxi_predictor.ports.inbound.files.scoring import Scoring

__all__ = ["AWAY", "ENVIRONMENT", "job_work_of", "jobs_of"]

ENVIRONMENT = {
    "POLARS_MAX_THREADS": "1",
    # Its own sets a gigabyte aside from the beginning, which would count as used.
    "ARROW_DEFAULT_MEMORY_POOL": "system",
}
"""Of the process of a job."""
AWAY = 5
"""The exit code that says that something does not answer, as the command line has it."""


def jobs_of(outbound: Outbound, settings: Settings) -> ScoringJobs:
    return ScoringJobs(
        store=outbound.jobs,
        clock=outbound.clock,
        keep=timedelta(hours=settings.jobs_keep_hours),
        max_unfinished=settings.jobs_max_unfinished,
    )


def job_work_of(outbound: Outbound, settings: Settings, jobs: ScoringJobs, scoring: Scoring) -> JobWork:
    """Where other processes cannot see the jobs, they are done in this one."""
    return JobWork(
        jobs=jobs,
        store=outbound.jobs,
        scoring=scoring,
        clock=outbound.clock,
        work=None if settings.profile == "memory" else work_beside,
        is_followed_elsewhere=settings.accompanied or not settings.jobs_max_bytes,
    )


async def work_beside(job_id: JobId) -> None:
    """Do a job in a process of its own; it is stopped where this is.

    Raises:
        Unavailable: something is away that it needs.
        ChildProcessError: it broke down.
    """
    environment = {
        name: value for name, value in os.environ.items() if name != "PROMETHEUS_MULTIPROC_DIR"
    } | ENVIRONMENT
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "taxi_predictor.apps.job_process", job_id, str(os.getpid())), env=environment
    )
    try:
        code = await process.wait()
    finally:
        if process.returncode is None:
            # What it has done is kept, and the rest of its memory is of no use.
            process.kill()
            await process.wait()
    if code == AWAY:
        raise Unavailable(f"job {job_id} waits: its own note says for what")
    if code:
        raise ChildProcessError(f"the process of job {job_id} ended with {code}")
