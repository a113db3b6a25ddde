"""The ``Idempotency-Key`` header: what a key looks like, which requests are its repeats, how it is described.

https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/
"""

import re
from collections.abc import Iterable
from hashlib import sha256
from http import HTTPStatus
from typing import TYPE_CHECKING

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
from litestar.routes import BaseRoute, HTTPRoute
from litestar.types import HTTPScope, Scope

from taxi_predictor.adapters.http.headers import header_of
from taxi_predictor.adapters.http.problems import PROBLEM_JSON, Problem
from taxi_predictor.domain.errors import IdempotencyKeyInUse, Invalid

if TYPE_CHECKING:
    from hashlib import _Hash as Hash

__all__ = [
    "IDEMPOTENT",
    "ITSELF",
    "KEY_HEADER",
    "REPLAYED_HEADER",
    "InvalidIdempotencyKey",
    "begin_fingerprint",
    "describe_keys",
    "fingerprint",
    "key_of",
]

IDEMPOTENT = "idempotent"
"""A handler whose ``opt`` has it takes keys; by :data:`ITSELF` it sees to them itself."""
ITSELF = "itself"
KEY_HEADER = "Idempotency-Key"
REPLAYED_HEADER = "Idempotency-Replayed"

PATTERN = r'^(?:"(?:[!#-\[\]-~]|\\["\\]){1,255}"|[!#-~][!-~]{0,254})$'
"""A string as structured fields write it (RFC 8941, 3.3.3), or the same without quotes; no blanks."""

_KEY = re.compile(PATTERN.encode())
_ESCAPED = re.compile(rb'\\(["\\])')


class InvalidIdempotencyKey(Invalid):
    slug = "invalid-idempotency-key"


def key_of(scope: Scope) -> str | None:
    """The key that a request carries, without quotes; None: it carries none.

    Raises:
        InvalidIdempotencyKey: it is too long, has other than visible characters, or is one of several.
    """
    values = [value for name, value in scope["headers"] if name == b"idempotency-key"]
    if not values:
        return None
    if len(values) > 1:
        raise InvalidIdempotencyKey(f"a request has one {KEY_HEADER}, not {len(values)}")
    [value] = values
    if not _KEY.fullmatch(value):
        raise InvalidIdempotencyKey(
            f"an {KEY_HEADER} is 1 to 255 visible ASCII characters, in quotes or without"
        )
    if value.startswith(b'"'):
        value = _ESCAPED.sub(rb"\1", value[1:-1])
    return value.decode("ascii")


def fingerprint(scope: HTTPScope, body: bytes) -> bytes:
    """Of what was asked: a request that differs in any of this is no repeat."""
    begun = begin_fingerprint(scope)
    begun.update(body)
    return begun.digest()


def begin_fingerprint(scope: HTTPScope) -> "Hash":
    """The same of all but the body, which is still to come."""
    media_type = header_of(scope, b"content-type") or b""
    # No line ends in any but the body, which is the last.
    parts = (scope["method"].encode(), scope["path"].encode(), scope["query_string"], media_type, b"")
    return sha256(b"\n".join(parts))


def describe_keys(document: OpenAPI, routes: Iterable[BaseRoute]) -> None:
    """Add the header and its answers to each operation whose handler takes keys."""
    paths = document.paths or {}
    for route in routes:
        if isinstance(route, HTTPRoute) and route.path_format in paths:
            for method, (handler, _) in route.route_handler_map.items():
                operation: Operation | None = getattr(paths[route.path_format], method.lower(), None)
                if operation is not None and handler.opt.get(IDEMPOTENT):
                    _describe(operation)


def _describe(operation: Operation) -> None:
    key = Parameter(
        name=KEY_HEADER,
        param_in="header",
        required=False,
        description="Names this request, as a UUID does. Whoever sends it again within 24 hours gets the"
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
