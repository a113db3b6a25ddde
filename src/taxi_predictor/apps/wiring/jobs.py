"""The use cases about jobs, wired to their ports."""

from datetime import timedelta

from taxi_predictor.apps.processes.job_start import work_beside
from taxi_predictor.apps.profiles.outbound import Outbound
from taxi_predictor.apps.settings import Settings
from taxi_predictor.ports.inbound.files.job_work import JobWork
from taxi_predictor.ports.inbound.files.jobs import ScoringJobs
from taxi_predictor.ports.inbound.files.scoring import Scoring

__all__ = ["job_work_of", "jobs_of"]


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
