"""Errors as the Open Inference Protocol tells them: the statuses of problems, in a shape of its own."""

from collections.abc import Callable
from typing import Any

from litestar import Request, Response
from litestar.types import ExceptionHandlersMap

from taxi_predictor.adapters.http.inference.bodies import ErrorAnswer
from taxi_predictor.adapters.http.problems import EXCEPTION_HANDLERS, Problem

__all__ = ["PROTOCOL_HANDLERS"]

Handler = Callable[[Request[Any, Any, Any], Any], Response[Any]]

MAX_ERROR_CHARS = 500
"""It may quote what was sent."""


def _reshaped(handler: Handler) -> Handler:
    def handle(request: Request[Any, Any, Any], error: Any) -> Response[ErrorAnswer]:
        response = handler(request, error)
        problem: Problem = response.content
        where = "".join(f" (at {found.pointer})" for found in problem.errors[:1])
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
