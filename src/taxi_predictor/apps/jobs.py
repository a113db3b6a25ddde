"""A job in a process of its own, at a low priority: whatever becomes of it happens to nobody else.

Run as ``python -m taxi_predictor.apps.jobs JOB PID``; the process beside the workers starts one for each
job, with its own process, and it ends with that one.
"""

import asyncio
import os
import resource
import sys
from contextlib import suppress
from datetime import timedelta

from taxi_predictor.apps.companion import end_with
from taxi_predictor.apps.logs import write_logs
from taxi_predictor.apps.outbound import Outbound
from taxi_predictor.apps.settings import Settings, load_settings
from taxi_predictor.domain.errors import TaxiPredictorError, Unavailable
from taxi_predictor.domain.job import JobId, parse_job_id
from taxi_predictor.ports.inbound.jobs import ScoringJobs
from taxi_predictor.ports.inbound.scoring import Scoring

__all__ = ["bound_memory", "jobs_of", "main", "work_beside"]

NICENESS = 15
"""Whoever answers goes first, then what is shipped and followed for them."""
ENVIRONMENT = {
    "POLARS_MAX_THREADS": "1",
    # Its own sets a gigabyte aside from the beginning, which would count as used.
    "ARROW_DEFAULT_MEMORY_POOL": "system",
}
AWAY = 5
"""The exit code that says that something does not answer, as the command line has it."""


def jobs_of(outbound: Outbound, settings: Settings, scoring: Scoring) -> ScoringJobs:
    """The jobs of a home; where other processes cannot see them, they are done in this one."""
    return ScoringJobs(
        store=outbound.jobs,
        scoring=scoring,
        clock=outbound.clock,
        keep=timedelta(hours=settings.jobs_keep_hours),
        max_unfinished=settings.jobs_max_unfinished,
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
        *(sys.executable, "-m", "taxi_predictor.apps.jobs", job_id, str(os.getpid())), env=environment
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


def bound_memory(most_bytes: int) -> None:
    """Let this process have no more than so much: a small file may unpack to any size.

    Whoever wants more here is told that there is none, and nobody else on this machine has to give way.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    soft = most_bytes if hard == resource.RLIM_INFINITY else min(most_bytes, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


async def _work(settings: Settings, job_id: JobId) -> int:
    from taxi_predictor.apps.container import open_container  # which knows of jobs, too

    try:
        async with open_container(settings) as container:
            with suppress(Unavailable):  # as a server does, which answers without a level then
                await container.levelling.load()
            await container.jobs.work(job_id)
    except Unavailable:
        return AWAY
    return 0


def main(job: str, parent: str) -> None:
    settings = load_settings()
    write_logs(settings.log_format)
    bound_memory(settings.jobs_max_memory_bytes)
    os.setpriority(os.PRIO_PROCESS, 0, max(NICENESS, os.getpriority(os.PRIO_PROCESS, 0)))
    end_with(int(parent))
    try:
        job_id = parse_job_id(job)
    except TaxiPredictorError as error:
        sys.exit(str(error))
    sys.exit(asyncio.run(_work(settings, job_id)))


if __name__ == "__main__":
    main(*sys.argv[1:])
