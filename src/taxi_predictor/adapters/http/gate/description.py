"""What the gate adds to the description of the API: who may ask, and what is answered to others."""

from collections.abc import Iterable

import msgspec
from litestar.openapi.spec import (
    Example,
    OpenAPI,
    OpenAPIHeader,
    OpenAPIMediaType,
    OpenAPIResponse,
    Operation,
    Reference,
    Schema,
    SecurityScheme,
)
from litestar.openapi.spec.enums import OpenAPIType
from litestar.routes import BaseRoute

from taxi_predictor.adapters.http.examples import PROBLEM_EXAMPLES
from taxi_predictor.adapters.http.openapi import drop_default_error, operations_of
from taxi_predictor.adapters.http.problems import PROBLEM_JSON, Problem
from taxi_predictor.domain.access import Scope

__all__ = ["describe"]

REFUSALS = {
    400: "The request cannot be understood, or its Host is not served here.",
    401: "There is no key, or it is not valid.",
    403: "The key does not allow this.",
    408: "The body was not sent in time.",
    429: "More requests than one client may send.",
    503: "The service is overloaded, or had no answer in time.",
}
"""What a handler need not say for itself; where it does, its own words stand."""

SCHEMES = {
    "bearer": SecurityScheme(type="http", scheme="bearer", description="A key: Authorization: Bearer KEY."),
    "header": SecurityScheme(
        type="apiKey", name="X-Api-Key", security_scheme_in="header", description="A key: X-Api-Key: KEY."
    ),
}


def describe(document: OpenAPI, routes: Iterable[BaseRoute], *, is_open: bool) -> None:
    """Add keys and refusals to each operation whose handler has a scope.

    Where predictions are *is_open*, they need no key.
    """
    document.components.security_schemes = dict(SCHEMES)
    for operation, handler in operations_of(document, routes):
        scope = handler.opt.get("scope")
        if scope is None:
            continue
        # Where none is needed, none is described: clients that are made from this would ask for one.
        if not (is_open and scope is Scope.PREDICT):
            operation.security = [{name: []} for name in SCHEMES]
        _add_refusals(operation)


def _add_refusals(operation: Operation) -> None:
    drop_default_error(operation)
    operation.responses = operation.responses or {}
    for status, description in REFUSALS.items():
        operation.responses.setdefault(str(status), _refusal(status, description))
    unauthorized = operation.responses["401"]
    if isinstance(unauthorized, OpenAPIResponse):
        unauthorized.headers = {
            "WWW-Authenticate": OpenAPIHeader(
                schema=Schema(type=OpenAPIType.STRING), description="How to send a key."
            )
        }


def _refusal(status: int, description: str) -> OpenAPIResponse:
    example = Example(value=msgspec.to_builtins(PROBLEM_EXAMPLES[status]))
    body = OpenAPIMediaType(
        schema=Reference(ref=f"#/components/schemas/{Problem.__name__}"), examples={"problem": example}
    )
    return OpenAPIResponse(description=description, content={PROBLEM_JSON: body})
