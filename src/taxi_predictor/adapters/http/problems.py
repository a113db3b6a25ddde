"""Errors as problem documents (RFC 9457): one table from the error tree to statuses."""

import logging
from http import HTTPStatus
from math import ceil
from typing import Annotated, Any

from litestar import Request, Response
from litestar.exceptions import HTTPException, SerializationException, ValidationException
from litestar.types import ExceptionHandlersMap
from msgspec import UNSET, Meta, Struct, UnsetType
from msgspec.structs import asdict, replace

from taxi_predictor.adapters.http.decoding import InvalidBody, MalformedBody, in_words
from taxi_predictor.adapters.http.gate.hosts import HostNotAllowed
from taxi_predictor.adapters.http.gate.passage import IncompleteBody, SlowRequest
from taxi_predictor.adapters.http.queries import InvalidQuery
from taxi_predictor.adapters.http.requests import request_id
from taxi_predictor.domain.errors import (
    Denied,
    Invalid,
    NotFound,
    PromotionRefused,
    Refused,
    TaxiPredictorError,
    TooManyRequests,
    TooMuch,
    Unauthorized,
    Unavailable,
)
from taxi_predictor.ports.inbound.health import Readiness

__all__ = [
    "EXCEPTION_HANDLERS",
    "PROBLEM_JSON",
    "STATUS",
    "FieldProblem",
    "NotReady",
    "NotReadyProblem",
    "Problem",
    "Stopping",
    "pointer_of",
    "problem_of",
]

log = logging.getLogger(__name__)

PROBLEM_JSON = "application/problem+json"
RETRY_AFTER_S = 10
"""What comes back does so when an operator acts or a neighbour restarts: seconds, not minutes."""

STATUS: dict[type[TaxiPredictorError], int] = {
    MalformedBody: 400,
    HostNotAllowed: 400,
    IncompleteBody: 400,
    SlowRequest: 408,
    TooMuch: 413,
    Invalid: 422,
    Unauthorized: 401,
    Denied: 403,
    NotFound: 404,
    Refused: 409,
    TooManyRequests: 429,
    Unavailable: 503,
    TaxiPredictorError: 500,
}
"""An error has the status of the nearest of its classes that stands here."""


class FieldProblem(Struct, frozen=True, kw_only=True):
    """One thing that is wrong, in the body or in the query."""

    pointer: (
        Annotated[
            str, Meta(description="Where in the body: a JSON pointer (RFC 6901), such as `#/pickup/lat`.")
        ]
        | UnsetType
    ) = UNSET
    parameter: Annotated[str, Meta(description="Or the parameter of the query.")] | UnsetType = UNSET
    message: str

    @property
    def where(self) -> str:
        return self.parameter if self.parameter is not UNSET else self.pointer or "#"


class Problem(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What went wrong, for a program (*type*) and for a person (*detail*)."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[FieldProblem] = []


class NotReadyProblem(Problem, frozen=True, kw_only=True):
    """Why predictions are not answered, and how the neighbours are."""

    neighbours: dict[str, str]


class NotReady(Unavailable):
    """Predictions are not answered; how the neighbours are goes with it."""

    slug = "not-ready"

    def __init__(self, readiness: Readiness) -> None:
        super().__init__(readiness.trouble or "predictions are not answered")
        self.neighbours = dict(readiness.neighbours)


class Stopping(NotReady):
    """Whoever can should ask another process from now on."""

    slug = "stopping"


def from_error(request: Request[Any, Any, Any], error: TaxiPredictorError) -> Response[Problem]:
    problem = problem_of(error, in_query=request.method == "GET")
    if problem.status == 500:
        _log_crash(request, error)
    return _respond(problem, retry_after_s=error.retry_after_s)


def problem_of(error: TaxiPredictorError, *, in_query: bool = False) -> Problem:
    """How *error* is told, whether of a whole request or of a part of one.

    What is wrong stands in its body, or *in_query*.
    """
    status = next(STATUS[base] for base in type(error).__mro__ if base in STATUS)
    problem = _of_slug(error.slug, status=status, detail=str(error))
    if isinstance(error, InvalidQuery):
        problem = replace(problem, errors=[FieldProblem(parameter=error.parameter, message=str(error))])
    elif isinstance(error, PromotionRefused) and error.override_helps:
        told = "to promote it all the same, say why in `override`"
        field = FieldProblem(pointer="#/override", message=told)
        problem = replace(problem, detail=f"{error}; {told}", errors=[field])
    elif pointer := pointer_of(error):
        problem = _of_parameter(problem, pointer) if in_query else _of_field(problem, pointer)
    if isinstance(error, NotReady):
        problem = NotReadyProblem(**asdict(problem), neighbours=error.neighbours)
    return problem


def pointer_of(error: TaxiPredictorError) -> str | None:
    """Where *error* is, as a JSON pointer into a body; None: nowhere in particular."""
    if isinstance(error, InvalidBody):
        return error.pointer
    if isinstance(error, Invalid) and error.part is not None:
        return f"#/{error.part}"  # the names of parts are those of fields
    return None


def _of_field(problem: Problem, pointer: str) -> Problem:
    return replace(problem, errors=[FieldProblem(pointer=pointer, message=problem.detail)])


def _of_parameter(problem: Problem, pointer: str) -> Problem:
    """*problem* of a query that was read as a body is, where it is at *pointer*."""
    _, _, path = pointer.partition("#/")
    parameter = path.partition("/")[0]  # a place is one text: there is nothing to point at within it
    errors = [FieldProblem(parameter=parameter, message=problem.detail)] if parameter else []
    if problem.type != f"/problems/{InvalidBody.slug}":
        return replace(problem, errors=errors)
    detail = f"{parameter}: {problem.detail}" if parameter else problem.detail
    return _of_slug(InvalidQuery.slug, status=problem.status, detail=detail, errors=errors)


def from_validation(_: Request[Any, Any, Any], error: ValidationException) -> Response[Problem]:
    """What Litestar itself found wrong: values of a query; it decodes no body."""
    found = error.extra if isinstance(error.extra, list) else []
    errors = [
        FieldProblem(parameter=item.get("key", UNSET), message=in_words(item["message"])) for item in found
    ]
    detail = "; ".join(f"{problem.where}: {problem.message}" for problem in errors) or error.detail
    return _respond(_of_slug(InvalidQuery.slug, status=422, detail=detail, errors=errors))


def from_http(request: Request[Any, Any, Any], error: HTTPException) -> Response[Problem]:
    """What HTTP itself has a name for: no such path, wrong method, too large."""
    if error.status_code == 500:
        return from_crash(request, error)
    phrase = HTTPStatus(error.status_code).phrase
    problem = Problem(type="about:blank", title=phrase, status=error.status_code, detail=error.detail)
    return _respond(problem, headers=error.headers)


def from_serialization(_: Request[Any, Any, Any], error: SerializationException) -> Response[Problem]:
    return _respond(_of_slug(MalformedBody.slug, status=400, detail=error.detail))


def from_crash(request: Request[Any, Any, Any], error: Exception) -> Response[Problem]:
    """Say nothing of the cause: it is in the log, under the request's id."""
    _log_crash(request, error)
    detail = f"something went wrong here; it is logged under request id {request_id(request.scope)}"
    return _respond(_of_slug(TaxiPredictorError.slug, status=500, detail=detail))


EXCEPTION_HANDLERS: ExceptionHandlersMap = {
    TaxiPredictorError: from_error,
    ValidationException: from_validation,
    HTTPException: from_http,
    SerializationException: from_serialization,
    Exception: from_crash,
}


def _of_slug(slug: str, *, status: int, detail: str, errors: list[FieldProblem] | None = None) -> Problem:
    return Problem(
        type=f"/problems/{slug}",
        title=slug.replace("-", " "),
        status=status,
        detail=detail,
        errors=errors or [],
    )


def _respond(
    problem: Problem, *, headers: dict[str, str] | None = None, retry_after_s: float | None = None
) -> Response[Problem]:
    added = {}
    if problem.status in (429, 503):
        retry_after_s = retry_after_s or RETRY_AFTER_S
    if retry_after_s:
        added["Retry-After"] = str(ceil(retry_after_s))
    if problem.status == 401:
        added["WWW-Authenticate"] = "Bearer"  # RFC 9110, 11.6.1: it says how to ask
    return Response(
        problem,
        status_code=problem.status,
        media_type=PROBLEM_JSON,
        headers={**(headers or {}), **added},
    )


def _log_crash(request: Request[Any, Any, Any], error: Exception) -> None:
    log.error(
        "request.crashed",
        exc_info=error,
        extra={
            "request_id": request_id(request.scope),
            "method": request.method,
            # Not the path: there may be a key in it.
            "path": request.scope.get("path_template"),
        },
    )
