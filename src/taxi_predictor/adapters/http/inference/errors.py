"""Errors as the Open Inference Protocol tells them: the statuses of problems, in a shape of its own."""

from collections.abc import Callable
from typing import Any

from litestar import Request, Response
from litestar.exceptions import HTTPException
from litestar.types import ExceptionHandlersMap

from taxi_predictor.adapters.http.inference.bodies import ErrorAnswer
from taxi_predictor.adapters.http.problems import EXCEPTION_HANDLERS, Problem

__all__ = ["PROTOCOL_HANDLERS", "PROTOCOL_ROOT", "UNROUTED_HANDLERS"]

PROTOCOL_ROOT = "/v2"

Handler = Callable[[Request[Any, Any, Any], Any], Response[Any]]

MAX_ERROR_CHARS = 500
"""It may quote what was sent."""


def _reshaped(handler: Handler) -> Handler:
    def handle(request: Request[Any, Any, Any], error: Any) -> Response[ErrorAnswer]:
        response = handler(request, error)
        problem: Problem = response.content
        where = "".join(f" (at {found.where})" for found in problem.errors[:1])
        return Response(
            ErrorAnswer(error=f"{problem.detail[:MAX_ERROR_CHARS]}{where}"),
            # Whoever speaks the protocol looks for 400 where something was wrong with a request.
            status_code=400 if problem.status == 422 else problem.status,
            headers=response.headers,
            media_type="application/json",
        )

    return handle


PROTOCOL_HANDLERS: ExceptionHandlersMap = {
    kind: _reshaped(handler) for kind, handler in EXCEPTION_HANDLERS.items()
}


def _unrouted(request: Request[Any, Any, Any], error: HTTPException) -> Response[Any]:
    is_below = f"{request.scope['path']}/".startswith(f"{PROTOCOL_ROOT}/")
    handler: Handler = (PROTOCOL_HANDLERS if is_below else EXCEPTION_HANDLERS)[HTTPException]
    return handler(request, error)


UNROUTED_HANDLERS: ExceptionHandlersMap = {**EXCEPTION_HANDLERS, HTTPException: _unrouted}
"""For the whole application, which a path or a method belongs to that no handler takes."""
