"""How long will each trip of a file take? It is sent now, and its answers are fetched later."""

from typing import Annotated

import msgspec
from litestar import Response, delete, get, post
from litestar.exceptions import HTTPException
from litestar.params import PathParameter, QueryParameter
from litestar.response import Stream

from taxi_predictor.adapters.http.bodies import DEFAULT_COVERAGE
from taxi_predictor.adapters.http.examples import AN_UNKNOWN_PARAMETER
from taxi_predictor.adapters.http.gate.callers import caller
from taxi_predictor.adapters.http.gate.gate import ANY_BODY
from taxi_predictor.adapters.http.idempotency import settle
from taxi_predictor.adapters.http.idempotency_key import IDEMPOTENT, ITSELF, REPLAYED_HEADER
from taxi_predictor.adapters.http.methods import naming_methods
from taxi_predictor.adapters.http.openapi import problem_responses
from taxi_predictor.adapters.http.problems import Problem
from taxi_predictor.adapters.http.requests import ApiRequest
from taxi_predictor.adapters.http.responses import ApiResponse
from taxi_predictor.adapters.http.v1.job_answers import EXAMPLES, JobAnswer, JobsAnswer
from taxi_predictor.adapters.http.v1.job_files import (
    FORMS,
    MEDIA_TYPES,
    Repeated,
    ResultOperation,
    Upload,
    UploadOperation,
)
from taxi_predictor.domain.access import Scope
from taxi_predictor.domain.errors import NoJobs
from taxi_predictor.domain.job import parse_job_id
from taxi_predictor.ports.outbound.answers import Answer
from taxi_predictor.ports.outbound.scoring import RowForm

__all__ = ["EXAMPLES", "ROUTES"]

TAGS = ["jobs"]
JobName = Annotated[str, PathParameter(description="The `job_id` that was answered.")]


_UNKNOWN = Problem(
    type="/problems/unknown-job",
    title="unknown job",
    status=404,
    detail="there is no job 8e03978e-40d5-43e8-bc93-6894a57f9324, or no longer",
)


@post(
    "/v1/jobs",
    status_code=202,
    operation_id="create-job",
    operation_class=UploadOperation,
    summary="Predict how long all trips of a file will take",
    description="CSV, lines of JSON or parquet; the answers come in the same format, a row for each row, in"
    " their order. A row that cannot be answered has its `problem`, and spoils no other.\n\n"
    "They are the durations of `POST /v1/predictions`, and are not in the log.",
    tags=TAGS,
    response_description="The job is kept, and will be worked on.",
    responses=problem_responses(400, 404, 409, 413, 415, 422, 500, 503, such_as=[_UNKNOWN]),
    opt={"scope": Scope.PREDICT, "streams": tuple(FORMS), IDEMPOTENT: ITSELF},
    request_max_body_size=None,
)
async def create_job(
    request: ApiRequest,
    coverage: Annotated[
        float, QueryParameter(ge=0.01, le=0.99, description="How likely each interval holds the duration.")
    ] = DEFAULT_COVERAGE,
) -> Response[JobAnswer]:
    if not request.options.jobs_max_bytes:
        raise NoJobs("jobs are not taken here: ask POST /v1/predictions/batch, or run `taxi-predictor score`")
    form = FORMS.get(request.media_type)
    if form is None:
        raise HTTPException(status_code=415, detail=f"send the file as one of: {', '.join(FORMS)}")
    jobs, repeats, owner = request.hexagon.jobs, request.hexagon.repeats, caller(request.scope).name
    upload, answer = Upload(request), None
    try:
        kept = await jobs.submit(upload.pieces(), owner=owner, form=form, coverage=coverage)
        body = msgspec.json.encode(JobAnswer.of(kept, jobs))
        headers = {"Location": f"/v1/jobs/{kept.job.job_id}"}
        answer = Answer(status=202, headers=tuple(headers.items()), body=body)
    except Repeated as repeated:
        answer, headers = repeated.answer, {**dict(repeated.answer.headers), REPLAYED_HEADER: "true"}
        begun = msgspec.json.decode(answer.body, type=JobAnswer)
        await jobs.find(parse_job_id(begun.job_id), owner=owner)  # one that was deleted is not begun again
    finally:
        if upload.claim is not None:
            await settle(repeats, upload.claim, answer, request.scope)
    return ApiResponse(
        msgspec.json.decode(answer.body, type=JobAnswer), status_code=answer.status, headers=headers
    )


@get(
    "/v1/jobs",
    operation_id="list-jobs",
    summary="List your jobs",
    tags=TAGS,
    response_description="The jobs of this key's owner.",
    responses=problem_responses(422, 500, 503, such_as=[AN_UNKNOWN_PARAMETER]),
    opt={"scope": Scope.PREDICT},
)
async def list_jobs(request: ApiRequest) -> JobsAnswer:
    jobs = request.hexagon.jobs
    return JobsAnswer(jobs=[JobAnswer.of(kept, jobs) for kept in await jobs.of(caller(request.scope).name)])


_UNFINISHED = Problem(
    type="/problems/job-unfinished",
    title="job unfinished",
    status=409,
    detail="job 8e03978e-40d5-43e8-bc93-6894a57f9324 is running",
)


@get(
    "/v1/jobs/{job_id:str}",
    operation_id="show-job",
    summary="See how far a job has come",
    tags=TAGS,
    response_description="The job.",
    responses=problem_responses(404, 422, 500, 503, such_as=[_UNKNOWN, AN_UNKNOWN_PARAMETER]),
    opt={"scope": Scope.PREDICT},
)
async def show_job(job_id: JobName, request: ApiRequest) -> JobAnswer:
    jobs = request.hexagon.jobs
    return JobAnswer.of(await jobs.find(parse_job_id(job_id), owner=caller(request.scope).name), jobs)


@get(
    "/v1/jobs/{job_id:str}/result",
    operation_id="job-result",
    operation_class=ResultOperation,
    summary="Fetch the answers of a job",
    tags=TAGS,
    response_description="A row for each row that was sent.",
    responses=problem_responses(
        404, 409, 422, 500, 503, such_as=[_UNKNOWN, _UNFINISHED, AN_UNKNOWN_PARAMETER]
    ),
    opt={"scope": Scope.PREDICT, "streams": ANY_BODY},
)
async def job_result(job_id: JobName, request: ApiRequest) -> Stream:
    kept, content = await request.hexagon.jobs.result(parse_job_id(job_id), owner=caller(request.scope).name)
    name = f"{kept.job.job_id}.{kept.job.form}"
    return Stream(
        content,
        media_type=MEDIA_TYPES[RowForm(kept.job.form)],
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


@delete(
    "/v1/jobs/{job_id:str}",
    operation_id="delete-job",
    summary="Stop a job, and forget it",
    description="What was sent and what was answered is removed.",
    tags=TAGS,
    response_description="The job is gone.",
    responses=problem_responses(404, 422, 500, 503, such_as=[_UNKNOWN, AN_UNKNOWN_PARAMETER]),
    opt={"scope": Scope.PREDICT},
)
async def delete_job(job_id: JobName, request: ApiRequest) -> None:
    await request.hexagon.jobs.remove(parse_job_id(job_id), owner=caller(request.scope).name)


ROUTES = (
    naming_methods("/v1/jobs", "GET, OPTIONS, POST"),
    naming_methods("/v1/jobs/{job_id:str}", "DELETE, GET, OPTIONS"),
    create_job,
    list_jobs,
    show_job,
    job_result,
    delete_job,
)
