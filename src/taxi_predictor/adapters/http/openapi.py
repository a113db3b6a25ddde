"""The description of the API: OpenAPI 3.1, for programs as JSON and for people as a page."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from litestar import Request, Response, Router, get
from litestar.exceptions import NotFoundException
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.plugins import JsonRenderPlugin, OpenAPIRenderPlugin
from litestar.openapi.spec import (
    Example,
    OpenAPI,
    OpenAPIHeader,
    OpenAPIMediaType,
    OpenAPIResponse,
    Operation,
    PathItem,
    Reference,
    RequestBody,
    Schema,
    Tag,
)
from litestar.openapi.spec.enums import OpenAPIType
from litestar.response import Redirect
from litestar.routes import BaseRoute, HTTPRoute
from msgspec import Struct

from taxi_predictor import __version__
from taxi_predictor.adapters.http.bodies import PlaceBody
from taxi_predictor.adapters.http.decoding import schema_of
from taxi_predictor.adapters.http.examples import EXAMPLES, PROBLEM_EXAMPLES
from taxi_predictor.adapters.http.formats import Format
from taxi_predictor.adapters.http.problems import PROBLEM_JSON, NotReadyProblem, Problem
from taxi_predictor.adapters.http.requests import REQUEST_ID_HEADER
from taxi_predictor.adapters.http.schema_page import page

__all__ = [
    "complete",
    "drop_default_error",
    "openapi_config",
    "operations_of",
    "problem_responses",
    "show_page",
]

_DESCRIPTIONS = {
    400: "The body cannot be read as what it says it is.",
    404: "There is nothing of that name.",
    409: "Understood, and refused for the reasons given.",
    413: "The body is too large, or asks for too much.",
    415: "The body is sent as what is not taken.",
    422: "What is asked can be read, but it cannot be answered: a field or a parameter is wrong.",
    500: "Something broke here; it is logged under the request id.",
    503: "Nothing is answered at the moment, and nothing was kept.",
}

_TAGS = {
    "predictions": "How long will it take?",
    "jobs": "How long will each trip of a file take?",
    "outcomes": "How long did it take?",
    "advice": "When, who and where?",
    "OSRM": "As OSRM is asked",
    "models": "Which model serves?",
    "operations": "What is stored?",
    "health": "Is the service well?",
}
"""What operations are about, what most are looked for first."""

_PLACES = {
    "PointPlace": ("A point on Earth.", ("lat", "lon")),
    "ZonePlace": ("A taxi zone.", ("zone",)),
}
"""What a place is, either the one or the other, and the fields that it then has."""


def problem_responses(
    *statuses: int, unavailable: type[Problem] = Problem, such_as: Sequence[Problem] = ()
) -> dict[int, ResponseSpec]:
    """Describe the errors of an endpoint: *unavailable* is the body of its 503, *such_as* are examples."""
    examples, responses = {**PROBLEM_EXAMPLES, **{problem.status: problem for problem in such_as}}, {}
    for status in statuses:
        body = unavailable if status == 503 else Problem
        example = EXAMPLES[NotReadyProblem][0] if body is NotReadyProblem else examples[status]
        responses[status] = ResponseSpec(
            body,
            description=_DESCRIPTIONS[status],
            media_type=PROBLEM_JSON,
            generate_examples=False,
            examples=[Example(value=msgspec.to_builtins(example))],
        )
    return responses


@get("/", include_in_schema=False, status_code=302)
async def show_page() -> Redirect:
    """Whoever opens the service without a path wants to know what it is."""
    return Redirect("schema", status_code=302)


class _Description(OpenAPI):
    """What Litestar knows of the endpoints, completed when it is first asked for.

    That takes a tenth of a second, and most who serve are never asked.
    """

    def __init__(self, document: OpenAPI, complete: Callable[[OpenAPI], None]) -> None:
        vars(self).update(vars(document))
        self._complete = complete

    def to_schema(self) -> dict[str, Any]:
        self._complete(self)
        return super().to_schema()


class _LateConfig(OpenAPIConfig):
    complete: Callable[[OpenAPI], None]

    def to_openapi_schema(self) -> OpenAPI:
        return _Description(super().to_openapi_schema(), self.complete)


def openapi_config(complete: Callable[[OpenAPI], None]) -> OpenAPIConfig:
    """How the API describes itself; what *complete* adds to it is added when it is first asked for."""
    config = _LateConfig(
        title="Taxi trip durations",
        version=__version__,
        description="How long a taxi trip will take before it starts, with an honest distribution around it.",
        tags=[Tag(name=name, description=description) for name, description in _TAGS.items()],
        render_plugins=[_PagePlugin(path="/"), JsonRenderPlugin(path="/openapi.json")],
        openapi_router=Router(
            "/schema", route_handlers=[], include_in_schema=False, after_request=_refuse_unknown_page
        ),
    )
    config.complete = complete
    return config


class _PagePlugin(OpenAPIRenderPlugin):
    """Litestar's own pages load their scripts from a CDN; this one loads nothing."""

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        return page(openapi_schema).encode()


def _refuse_unknown_page(response: Response[Any]) -> Response[Any]:
    # Litestar answers an unknown path below /schema with a page of its own.
    if response.status_code == 404:
        raise NotFoundException
    return response


def complete(document: OpenAPI, examples: Mapping[type[Struct], Sequence[Struct]]) -> None:
    """Add to Litestar's description of the endpoints what it does not know; *examples* are of all bodies.

    The schemas of bodies are msgspec's, because decoding follows them: Litestar's forget a bound of
    zero and that unknown fields are refused.
    """
    _, schemas = msgspec.json.schema_components(
        examples, ref_template="#/components/schemas/{name}", schema_hook=schema_of
    )
    schemas |= _either_place(schemas[PlaceBody.__name__])
    for struct, some in examples.items():
        schemas[struct.__name__]["examples"] = msgspec.json.decode(msgspec.json.encode(some))
    document.components.schemas = {name: _JsonSchema(content=schemas[name]) for name in sorted(schemas)}
    document.paths = _in_one_order(document.paths or {})
    for name, path in document.paths.items():
        for operation in (path.get, path.post, path.delete):
            if operation is not None:
                _add_headers(operation)
                if name.startswith("/v1/"):
                    _add_msgpack(operation)


def _in_one_order(paths: Mapping[str, PathItem]) -> dict[str, PathItem]:
    """*paths* as they are in every process: Litestar keeps those of one handler in a set."""

    def summary(path: PathItem) -> str:
        operation = path.get or path.post or path.delete
        return (operation and operation.summary) or ""

    handlers = list(dict.fromkeys(map(summary, paths.values())))
    return dict(sorted(paths.items(), key=lambda named: (handlers.index(summary(named[1])), named[0])))


def operations_of(
    document: OpenAPI, routes: Iterable[BaseRoute]
) -> Iterator[tuple[Operation, HTTPRouteHandler]]:
    """Yield each operation that *document* describes, and its handler, whose ``opt`` says more of it."""
    paths = document.paths or {}
    for route in routes:
        if isinstance(route, HTTPRoute) and route.path_format in paths:
            for method, (handler, _) in route.route_handler_map.items():
                operation: Operation | None = getattr(paths[route.path_format], method.lower(), None)
                if operation is not None:
                    yield operation, handler


def _either_place(place: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Two schemas that programs can make types of, in place of one with a condition on its fields."""
    kinds = {
        name: {
            "title": name,
            "description": description,
            "type": "object",
            "properties": {field: place["properties"][field] for field in fields},
            "required": list(fields),
            "additionalProperties": False,
        }
        for name, (description, fields) in _PLACES.items()
    }
    either = [{"$ref": f"#/components/schemas/{name}"} for name in kinds]
    return {**kinds, PlaceBody.__name__: {"description": place["description"], "oneOf": either}}


@dataclass
class _JsonSchema(Schema):
    """A schema that is written already."""

    content: dict[str, Any] = field(default_factory=dict)

    def to_schema(self) -> dict[str, Any]:
        return self.content


def _add_msgpack(operation: Operation) -> None:
    """Say that what is sent and answered as JSON may be MessagePack."""
    responses = (operation.responses or {}).values()
    for part in (operation.request_body, *responses):
        content = part.content if isinstance(part, RequestBody | OpenAPIResponse) else None
        if content and (media := content.get(Format.JSON.value)):
            content[Format.MSGPACK.value] = OpenAPIMediaType(schema=media.schema)


def drop_default_error(operation: Operation) -> None:
    """Litestar says that wrong parameters are answered 400, by an error of its own; here they are 422."""
    responses = operation.responses or {}
    default = responses.get("400")
    if not isinstance(default, OpenAPIResponse):
        return
    # Ours refer to the schema of a body.
    if not any(isinstance(media.schema, Reference) for media in (default.content or {}).values()):
        del responses["400"]


def _add_headers(operation: Operation) -> None:
    request_id = OpenAPIHeader(
        schema=Schema(type=OpenAPIType.STRING),
        description="As sent, if fit for a log; else made here.",
    )
    retry_after = OpenAPIHeader(
        schema=Schema(type=OpenAPIType.INTEGER), description="Seconds after which asking again makes sense."
    )
    for status, response in (operation.responses or {}).items():
        if isinstance(response, OpenAPIResponse):
            response.headers = {**(response.headers or {}), REQUEST_ID_HEADER: request_id}
            if status in ("429", "503"):
                response.headers["Retry-After"] = retry_after
