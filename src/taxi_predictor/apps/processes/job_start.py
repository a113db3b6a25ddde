"""Does a job in a process of its own, so that no crash of it harms anything else."""

import asyncio
import os

from taxi_predictor.adapters.process.command import command_of
from taxi_predictor.domain.errors import Unavailable
from taxi_predictor.domain.job import JobId

__all__ = ["AWAY", "ENVIRONMENT", "work_beside"]

ENVIRONMENT = {
    "POLARS_MAX_THREADS": "1",
    # Its own sets a gigabyte aside from the beginning, which would count as used.
    "ARROW_DEFAULT_MEMORY_POOL": "system",
}
"""Of the process of a job."""
AWAY = 5
"""The exit code that says that something does not answer, as the command line has it."""


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
        *command_of("taxi_predictor.apps.processes.job", job_id, str(os.getpid())),
        env=environment,
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
