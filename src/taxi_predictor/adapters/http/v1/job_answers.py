"""What is told of a job, and examples of it."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated

from msgspec import Meta, Struct

from taxi_predictor.ports.inbound.files.jobs import ScoringJobs
from taxi_predictor.ports.outbound.jobs import KeptJob
from taxi_predictor.ports.outbound.scoring import RowForm

__all__ = ["EXAMPLES", "JobAnswer", "JobsAnswer"]


class JobAnswer(Struct, frozen=True, kw_only=True):
    """A job, and how far it is."""

    job_id: Annotated[str, Meta(description="Names this job: a UUID.")]
    state: Annotated[
        str,
        Meta(
            description="waiting: something that it needs is away; it goes on once that is back.",
            extra_json_schema={"enum": ["queued", "running", "waiting", "succeeded", "failed"]},
        ),
    ]
    format: Annotated[str, Meta(extra_json_schema={"enum": [form.value for form in RowForm]})]
    coverage: float
    created_at: Annotated[datetime, Meta(tz=True)]
    rows_done: Annotated[int, Meta(ge=0)]
    rows_total: Annotated[
        int | None, Meta(description="For text files lines, until the end is reached; null: not counted yet.")
    ]
    problems: Annotated[int, Meta(ge=0, description="How many of the rows done have a problem.")]
    trouble: Annotated[str | None, Meta(description="What it waits for, or why it failed.")]
    ended_at: Annotated[datetime, Meta(tz=True)] | None
    expires_at: Annotated[datetime, Meta(tz=True, description="When the job is forgotten.")] | None
    result: Annotated[str | None, Meta(description="The path of its answers, once they are there.")]

    @classmethod
    def of(cls, kept: KeptJob, jobs: ScoringJobs) -> "JobAnswer":
        job, note = kept.job, kept.note
        expires_at = jobs.expires_at(kept)
        return cls(
            job_id=job.job_id,
            state=note.state.value,
            format=job.form,
            coverage=job.coverage,
            created_at=job.created_at,
            rows_done=note.rows_done,
            rows_total=note.rows_total,
            problems=note.problems,
            trouble=note.trouble,
            ended_at=note.at if note.state.is_over else None,
            expires_at=expires_at,
            result=f"/v1/jobs/{job.job_id}/result" if note.state == "succeeded" else None,
        )


class JobsAnswer(Struct, frozen=True, kw_only=True):
    jobs: Annotated[list[JobAnswer], Meta(description="The newest first.")]


_JOB = JobAnswer(
    job_id="8e03978e-40d5-43e8-bc93-6894a57f9324",
    state="succeeded",
    format="csv",
    coverage=0.8,
    created_at=datetime(2024, 3, 1, 13, 30, tzinfo=UTC),
    rows_done=128_240,
    rows_total=128_240,
    problems=17,
    trouble=None,
    ended_at=datetime(2024, 3, 1, 13, 30, 4, tzinfo=UTC),
    expires_at=datetime(2024, 3, 2, 13, 30, 4, tzinfo=UTC),
    result="/v1/jobs/8e03978e-40d5-43e8-bc93-6894a57f9324/result",
)

EXAMPLES: Mapping[type[Struct], Sequence[Struct]] = {
    JobAnswer: [_JOB],
    JobsAnswer: [JobsAnswer(jobs=[_JOB])],
}
