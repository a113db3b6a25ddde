"""The query of a request: what may stand in it, and what is told of it where it is wrong."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from litestar import Request
from litestar.handlers import HTTPRouteHandler
from litestar.params import QueryParameter

from taxi_predictor.domain.errors import Invalid

__all__ = ["InvalidQuery", "check_names", "with_plus"]

MAX_SHOWN_CHARS = 64


class InvalidQuery(Invalid):
    """A *parameter* of the query is unknown or missing."""

    slug = "invalid-request"

    def __init__(self, message: str, *, parameter: str) -> None:
        super().__init__(message)
        self.parameter = parameter


async def check_names(request: Request[Any, Any, Any]) -> None:
    """Refuse a query as strictly as a body: before a handler is asked, for all that its own values are.

    Raises:
        InvalidQuery: a parameter is unknown, or one that has to be there is not.
    """
    scope = request.scope
    if scope["method"] == "OPTIONS":
        return
    handler = scope["route_handler"]
    assert isinstance(handler, HTTPRouteHandler)
    if not scope["query_string"] and not _has_required(handler):
        return
    known, given = _parameters(handler), request.query_params
    for name in given:
        if name not in known:
            shown = name if len(name) <= MAX_SHOWN_CHARS else f"{name[:MAX_SHOWN_CHARS]}…"
            others = f"only {', '.join(known)}" if known else "nor any other"
            raise InvalidQuery(f"there is no parameter {shown!r}, {others}", parameter=shown)
    for name, is_required in known.items():
        if is_required and name not in given:
            raise InvalidQuery(f"the parameter {name} is missing", parameter=name)


@lru_cache
def _parameters(handler: HTTPRouteHandler) -> Mapping[str, bool]:
    """The names of those that *handler* takes, and whether each has to be there."""
    return {
        field.kwarg_definition.name or name: field.is_required
        for name, field in handler.parsed_fn_signature.parameters.items()
        if isinstance(field.kwarg_definition, QueryParameter)
    }


@lru_cache
def _has_required(handler: HTTPRouteHandler) -> bool:
    return any(_parameters(handler).values())


def with_plus(time: str) -> str:
    """A *time* from a query, where a ``+`` that is not escaped is read as a blank, as in a form."""
    # The blank between date and time, if there is one, is one.
    return time[:11] + time[11:].replace(" ", "+")
