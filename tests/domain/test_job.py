"""A job is named by a UUID that nobody guesses, and by nothing else."""

from uuid import RFC_4122, UUID

import pytest

from taxi_predictor.domain.errors import UnknownJob
from taxi_predictor.domain.job import new_job_id, parse_job_id


def test_a_new_job_has_a_random_uuid_that_is_read_again() -> None:
    ids = {new_job_id() for _ in range(100)}
    assert len(ids) == 100
    for job_id in ids:
        assert (UUID(job_id).version, UUID(job_id).variant) == (4, RFC_4122)
        assert parse_job_id(job_id) == job_id


@pytest.mark.parametrize(
    "text",
    [
        "",
        "018df9f3-2e1f-4c53-9d4c-6f0f6b1f0a1g",
        "018DF9F3-2E1F-4C53-9D4C-6F0F6B1F0A11",
        "018df9f3-2e1f-4c53-9d4c-6f0f6b1f0a11\n",
        "018df9f32e1f4c539d4c6f0f6b1f0a11",
    ],
)
def test_what_no_job_is_called_is_unknown(text: str) -> None:
    with pytest.raises(UnknownJob, match=r"^a job_id is a UUID in lower case, as the answer gave it$"):
        parse_job_id(text)
