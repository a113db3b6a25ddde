"""What keys add to the description of the API."""

from collections.abc import Iterable
from http import HTTPStatus

import msgspec
from litestar.openapi.spec import (
    Example,
    OpenAPI,
    OpenAPIHeader,
    OpenAPIMediaType,
    OpenAPIResponse,
    Operation,
    Parameter,
    Reference,
    Schema,
)
from litestar.openapi.spec.enums import OpenAPIType
from litestar.routes import BaseRoute

from taxi_predictor.adapters.http.idempotency_key import IDEMPOTENT, KEY_HEADER, PATTERN, REPLAYED_HEADER
from taxi_predictor.adapters.http.openapi import operations_of
from taxi_predictor.adapters.http.problems import PROBLEM_JSON, Problem
from taxi_predictor.domain.errors import IdempotencyKeyInUse

__all__ = ["describe_keys"]


def describe_keys(document: OpenAPI, routes: Iterable[BaseRoute]) -> None:
    """Add the header and its answers to each operation whose handler takes keys."""
    for operation, handler in operations_of(document, routes):
        if handler.opt.get(IDEMPOTENT):
            _describe(operation)


def _describe(operation: Operation) -> None:
    key = Parameter(
        name=KEY_HEADER,
        param_in="header",
        required=False,
        description="Names this request, such as a UUID. A repeat with the same key within 24 hours gets the"
        " first answer, and nothing is done twice.",
        schema=Schema(type=OpenAPIType.STRING, pattern=PATTERN),
        examples={"uuid": Example(value='"8e03978e-40d5-43e8-bc93-6894a57f9324"')},
    )
    operation.parameters = [*(operation.parameters or []), key]
    operation.responses = operation.responses or {}
    _describe_in_use(operation.responses)
    for status, response in operation.responses.items():
        if status.startswith("2") and isinstance(response, OpenAPIResponse):
            replayed = OpenAPIHeader(
                schema=Schema(type=OpenAPIType.STRING, enum=["true"]),
                description="The answer was given before, to an earlier request with this key.",
            )
            response.headers = {**(response.headers or {}), REPLAYED_HEADER: replayed}


def _describe_in_use(responses: dict[str, OpenAPIResponse | Reference]) -> None:
    """Say that a key may be in use, beside what else an operation has to say by the same status."""
    in_use, other = _in_use(), responses.get("409")
    if isinstance(other, OpenAPIResponse):
        other.description = (
            f"{other.description} Or: {in_use.description} Only then is there a `Retry-After`."
        )
        other.headers = {**(other.headers or {}), **(in_use.headers or {})}
    else:
        responses["409"] = in_use


def _in_use() -> OpenAPIResponse:
    problem = Problem(
        type=f"/problems/{IdempotencyKeyInUse.slug}",
        title=IdempotencyKeyInUse.slug.replace("-", " "),
        status=HTTPStatus.CONFLICT,
        detail="the first request with this idempotency key is still being answered",
    )
    body = OpenAPIMediaType(
        schema=Reference(ref=f"#/components/schemas/{Problem.__name__}"),
        examples={"in-use": Example(value=msgspec.to_builtins(problem))},
    )
    retry_after = OpenAPIHeader(
        schema=Schema(type=OpenAPIType.INTEGER), description="Seconds after which asking again makes sense."
    )
    return OpenAPIResponse(
        description="The first request with this key is still being answered.",
        content={PROBLEM_JSON: body},
        headers={"Retry-After": retry_after},
    )
