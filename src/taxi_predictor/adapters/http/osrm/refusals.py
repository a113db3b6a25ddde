"""Errors in OSRM's words: a code for the program, a message for the person, and mostly status 400."""

from collections.abc import Callable
from enum import StrEnum
from http import HTTPStatus
from typing import Any

import msgspec
from litestar import Request, Response
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import Example
from litestar.types import ExceptionHandlersMap
from msgspec import Struct

from taxi_predictor.adapters.http import problems
from taxi_predictor.adapters.http.problems import Problem
from taxi_predictor.domain.errors import Invalid, TooMuch

__all__ = ["EXCEPTION_HANDLERS", "Code", "OsrmRefusal", "Refusal", "refusal_responses", "shown"]

MAX_SHOWN_CHARS = 40

WRONG = (HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.UNPROCESSABLE_ENTITY)
"""Statuses of requests that are at fault: all of them are one to OSRM."""


class Code(StrEnum):
    """What OSRM calls a request that it cannot answer."""

    INVALID_URL = "InvalidUrl"
    INVALID_SERVICE = "InvalidService"
    INVALID_VERSION = "InvalidVersion"
    INVALID_OPTIONS = "InvalidOptions"
    INVALID_QUERY = "InvalidQuery"
    INVALID_VALUE = "InvalidValue"
    NO_SEGMENT = "NoSegment"
    NOT_IMPLEMENTED = "NotImplemented"
    TOO_BIG = "TooBig"


class OsrmRefusal(Struct, frozen=True, kw_only=True):
    """Why a request in OSRM's form is not answered."""

    code: str
    message: str


class Refusal(Invalid):
    """A request that OSRM has a code for."""

    def __init__(self, code: Code, message: str) -> None:
        super().__init__(message)
        self.code = code


def shown(text: str) -> str:
    """*text* as a message quotes it: short, whatever was sent."""
    return repr(text if len(text) <= MAX_SHOWN_CHARS else f"{text[:MAX_SHOWN_CHARS]}…")


def _code_of(error: Exception) -> Code | None:
    match error:
        case Refusal():
            return error.code
        case TooMuch():
            return Code.TOO_BIG
        case Invalid():
            return Code.INVALID_VALUE
    return None


def _in_osrm_form(
    handler: Callable[[Request[Any, Any, Any], Any], Response[Problem]],
) -> Callable[[Request[Any, Any, Any], Any], Response[OsrmRefusal]]:
    """What *handler* answers, told as OSRM would: its status stays where OSRM has no code for it."""

    def handle(request: Request[Any, Any, Any], error: Exception) -> Response[OsrmRefusal]:
        told = handler(request, error)
        status = told.content.status
        code = _code_of(error) if status in WRONG else None
        if code:
            status = HTTPStatus.BAD_REQUEST
        return Response(
            OsrmRefusal(code=code or _name_of(status), message=told.content.detail),
            status_code=status,
            headers=told.headers,
            media_type="application/json",
        )

    return handle


def _name_of(status: int) -> str:
    """A status in the manner of OSRM's codes, such as ``TooManyRequests``."""
    return HTTPStatus(status).phrase.title().replace(" ", "")


EXCEPTION_HANDLERS: ExceptionHandlersMap = {
    kind: _in_osrm_form(handler) for kind, handler in problems.EXCEPTION_HANDLERS.items()
}

_DESCRIPTIONS = {
    400: "The request cannot be answered; the code is OSRM's.",
    401: "There is no key, or it is not valid.",
    403: "The key does not allow this.",
    408: "The request was not sent in time.",
    429: "More requests than one client may send.",
    500: "Something broke here; it is logged under the request id.",
    503: "Durations are not answered at the moment.",
}


def refusal_responses() -> dict[int, ResponseSpec]:
    """Describe the errors of every service in OSRM's form."""
    return {
        status: ResponseSpec(
            OsrmRefusal,
            description=description,
            generate_examples=False,
            examples=[Example(value=msgspec.to_builtins(_example(status)))],
        )
        for status, description in _DESCRIPTIONS.items()
    }


def _example(status: int) -> OsrmRefusal:
    if status == HTTPStatus.BAD_REQUEST:
        return OsrmRefusal(code=Code.TOO_BIG, message="at most 100,000 cells are answered at once")
    return OsrmRefusal(code=_name_of(status), message=_DESCRIPTIONS[status])
