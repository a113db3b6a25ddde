"""Work on a whole file of trips, which nobody waits for."""

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NewType
from uuid import uuid4

from taxi_predictor.domain.errors import Invalid, UnknownJob

__all__ = ["Job", "JobId", "JobNote", "JobState", "new_job_id", "parse_job_id"]

JobId = NewType("JobId", str)

_FORM = re.compile("[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def new_job_id() -> JobId:
    """A UUID of version 4: nobody guesses another's."""
    return JobId(str(uuid4()))


def parse_job_id(text: str) -> JobId:
    """The id that *text* is.

    Raises:
        UnknownJob: no job was ever called so.
    """
    if not _FORM.fullmatch(text):
        raise UnknownJob("a job_id is a UUID in lower case, as the answer gave it")
    return JobId(text)


class JobState(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    WAITING = "waiting"
    """Something is away that it needs; it goes on once that is back."""
    SUCCEEDED = "succeeded"
    FAILED = "failed"

    @property
    def is_over(self) -> bool:
        return self in (JobState.SUCCEEDED, JobState.FAILED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What was asked for."""

    job_id: JobId
    owner: str
    """Whose it is: the name of an API key."""
    form: str
    """How its rows are written."""
    coverage: float
    created_at: datetime

    def __post_init__(self) -> None:
        if self.created_at.utcoffset() is None:
            raise Invalid("a time without a zone names no instant")
        if not 0 < self.coverage < 1:
            raise Invalid(f"a coverage lies between 0 and 1, got {self.coverage}")


@dataclass(frozen=True, slots=True, kw_only=True)
class JobNote:
    """How far it is."""

    state: JobState
    at: datetime
    rows_done: int = 0
    rows_total: int | None = None
    """None: nobody has counted them."""
    problems: int = 0
    """Rows of those done that have a problem."""
    trouble: str | None = None
    """What it waits for, or why it failed."""
