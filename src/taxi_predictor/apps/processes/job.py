"""The process of one job, at a low priority.

Run as ``python -m taxi_predictor.apps.processes.job JOB PID``; the process beside the workers starts one for
each job, with its own process, and it ends with that one.
"""

import asyncio
import os
import resource
import sys

from taxi_predictor.adapters.process.garbage import leave_all_at_exit
from taxi_predictor.apps.container import open_container
from taxi_predictor.apps.environment import load_settings
from taxi_predictor.apps.logs import write_logs
from taxi_predictor.apps.processes.job_start import AWAY
from taxi_predictor.apps.processes.lifetimes import end_with
from taxi_predictor.apps.settings import Settings
from taxi_predictor.domain.errors import TaxiPredictorError, Unavailable
from taxi_predictor.domain.job import JobId, parse_job_id

__all__ = ["bound_memory", "main"]

NICENESS = 15
"""Whoever answers goes first, then what is shipped and followed for them."""


async def _work(settings: Settings, job_id: JobId) -> int:
    try:
        async with open_container(settings) as container:
            await container.levelling.load_if_it_can_be()
            await container.job_work.work(job_id)
    except Unavailable:
        return AWAY
    return 0


def bound_memory(most_bytes: int) -> None:
    """Let this process have no more than so much: a small file may unpack to any size.

    Whoever wants more here is told that there is none, and nobody else on this machine has to give way.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    soft = most_bytes if hard == resource.RLIM_INFINITY else min(most_bytes, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def main(job: str, parent: str) -> None:
    leave_all_at_exit()
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
