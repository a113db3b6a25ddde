"""Parameters of OSRM's services for the description of the API: they are read from the raw URL."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from litestar.openapi.spec import Operation, Parameter, Schema
from litestar.openapi.spec.enums import OpenAPIType

from taxi_predictor.adapters.http.osrm.coordinates import COORDINATES
from taxi_predictor.adapters.http.osrm.departures import TIME
from taxi_predictor.adapters.http.osrm.options import Option

__all__ = ["operation_name", "operation_with"]

_IN_PATH = {
    "time": (TIME, "2026-11-23T08:00", "When the first trip starts, as in depart_at."),
    "profile": (None, "driving", "Any name: all trips are by taxi."),
    "coordinates": (
        COORDINATES,
        "-73.98,40.75;-73.95,40.78",
        "LON,LAT;LON,LAT... or polyline(...) or polyline6(...), two or more.",
    ),
}
"""Pattern, example and description of each, in the order of the path."""


def operation_name(service: str, path: Iterable[object]) -> str:
    return f"osrm-{service}-at" if "at" in path else f"osrm-{service}"


def operation_with(options: Iterable[Option[Any]]) -> type[Operation]:
    """An operation whose query has *options*."""
    in_query = [_query_parameter(option) for option in options]

    @dataclass
    class OsrmOperation(Operation):
        def __post_init__(self) -> None:
            names = {found.name for found in self.parameters or () if isinstance(found, Parameter)}
            in_path = [_path_parameter(name) for name in _IN_PATH if name in names]
            self.parameters = [*in_path, *in_query]

    return OsrmOperation


def _path_parameter(name: str) -> Parameter:
    pattern, example, description = _IN_PATH[name]
    return Parameter(
        name=name,
        param_in="path",
        required=True,
        description=description,
        schema=Schema(type=OpenAPIType.STRING, pattern=pattern, examples=[example]),
    )


def _query_parameter(option: Option[Any]) -> Parameter:
    schema = (
        Schema(type=OpenAPIType.NUMBER, exclusive_minimum=0)
        if option.is_number
        else Schema(type=OpenAPIType.STRING, pattern=option.pattern)
    )
    return Parameter(name=option.name, param_in="query", description=option.description, schema=schema)
