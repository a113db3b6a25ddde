"""OSRM's table service: how long from each of these to each of those?"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
from litestar import Response, get
from msgspec import UNSET, Raw
from numpy.typing import NDArray

from taxi_predictor.adapters.columns.arrays import ARRAYS, Floats, as_column
from taxi_predictor.adapters.http.arrays import encoded
from taxi_predictor.adapters.http.formats import Format
from taxi_predictor.adapters.http.osrm.bodies import OsrmTable
from taxi_predictor.adapters.http.osrm.description import operation_name, operation_with
from taxi_predictor.adapters.http.osrm.options import GENERAL, Given, Option, one_of, positive, several
from taxi_predictor.adapters.http.osrm.question import Question
from taxi_predictor.adapters.http.osrm.refusals import Code, Refusal, refusal_responses
from taxi_predictor.adapters.http.osrm.urls import paths_of
from taxi_predictor.adapters.http.requests import ApiRequest
from taxi_predictor.domain.access import Scope
from taxi_predictor.domain.place import Place, great_circle_km
from taxi_predictor.ports.inbound.answers.matrices import DurationMatrix

__all__ = ["table"]

LONGEST_S = 214_748_364.6
"""What OSRM answers where scaling leads beyond all of its numbers."""


def _indexes(name: str) -> Option[Sequence[int] | None]:
    """Which of the coordinates; None is all of them. One may come twice."""

    def read(text: str) -> Sequence[int] | None:
        return None if text == "all" else [int(index) for index in text.split(";")]

    return Option(
        name=name,
        pattern=f"^(?:all|{several('[0-9]{1,9}')[1:-1]})$",
        read=read,
        default=None,
        description="Indexes of coordinates from 0 by semicolons, or all.",
    )


SOURCES, DESTINATIONS = _indexes("sources"), _indexes("destinations")
ANNOTATIONS: Option[Sequence[str]] = Option(
    name="annotations",
    pattern=several("duration|distance", ","),
    read=lambda text: text.split(","),
    default=["duration"],
    description="What to answer, by commas.",
)
FALLBACK_SPEED: Option[float | None] = positive(
    "fallback_speed",
    default=None,
    description="In metres per second along the great circle, for trips that begin or end outside the city.",
)
SCALE_FACTOR = positive("scale_factor", default=1.0, description="What durations are multiplied by.")
OPTIONS: Sequence[Option[Any]] = (
    *GENERAL,
    SOURCES,
    DESTINATIONS,
    ANNOTATIONS,
    FALLBACK_SPEED,
    one_of(
        "fallback_coordinate", "input", "snapped", description="Accepted without effect: both are the same."
    ),
    SCALE_FACTOR,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cells:
    """Of each source (row) and destination (column)."""

    durations_s: Floats
    distances_m: Floats
    by_fallback: NDArray[np.bool_]

    @classmethod
    def of(
        cls, matrix: DurationMatrix, sources: Sequence[Place], destinations: Sequence[Place], given: Given
    ) -> "_Cells":
        shape = len(sources), len(destinations)
        durations_s = np.asarray(matrix.durations_s).reshape(shape)
        distances_m = np.asarray(matrix.distances_km).reshape(shape) * 1000
        unknown = np.isnan(durations_s)
        from_lat, from_lon = (axis[:, np.newaxis] for axis in _axes(sources))
        to_lat, to_lon = _axes(destinations)
        # Between stops of a tour nothing is driven from a place to itself; a taxi's trip is a round trip.
        stays = (from_lat == to_lat) & (from_lon == to_lon) & ~unknown
        durations_s = np.where(stays, 0.0, durations_s)
        speed_m_s = given[FALLBACK_SPEED]
        by_fallback = unknown & (speed_m_s is not None)
        if speed_m_s is not None:
            ends = map(as_column, (from_lat, from_lon, to_lat, to_lon))
            straight_m = np.asarray(great_circle_km(ARRAYS, *ends)) * 1000
            distances_m = np.where(unknown, straight_m, distances_m)
            with np.errstate(over="ignore"):
                durations_s = np.where(unknown, straight_m / speed_m_s, durations_s)
        with np.errstate(over="ignore"):
            durations_s = np.minimum(durations_s * given[SCALE_FACTOR], LONGEST_S)
        return cls(
            durations_s=np.round(durations_s, 3), distances_m=np.round(distances_m), by_fallback=by_fallback
        )


@get(
    paths_of("table"),
    operation_class=operation_with(OPTIONS),
    operation_id=lambda _handler, _method, path: operation_name("table", path),
    summary="OSRM's table: how long from each of these to each of those?",
    description="The same durations as elsewhere in this API, at the time of departure.",
    tags=["OSRM"],
    response_description="The table.",
    responses=refusal_responses(),
    opt={"scope": Scope.PREDICT},
)
async def table(request: ApiRequest) -> Response[OsrmTable]:
    question = Question.of(request, OPTIONS)
    given = question.given
    sources, destinations = _chosen(question, SOURCES), _chosen(question, DESTINATIONS)
    matrix = await request.hexagon.matrices.between(sources, destinations, [question.departure])
    cells = _Cells.of(matrix, sources, destinations, given)
    wanted = given[ANNOTATIONS]
    answer = OsrmTable(
        durations=await encoded(cells.durations_s, Format.JSON) if "duration" in wanted else UNSET,
        distances=await encoded(cells.distances_m, Format.JSON) if "distance" in wanted else UNSET,
        sources=question.waypoints(sources),
        destinations=question.waypoints(destinations),
        fallback_speed_cells=UNSET if given[FALLBACK_SPEED] is None else _indexes_of(cells.by_fallback),
        data_version=matrix.served.label,
    )
    return Response(answer)


def _chosen(question: Question, option: Option[Sequence[int] | None]) -> Sequence[Place]:
    places, indexes = question.places, question.given[option]
    if indexes is None:
        return places
    if (highest := max(indexes)) >= len(places):
        raise Refusal(
            Code.INVALID_OPTIONS, f"{option.name}: there is no coordinate {highest} among {len(places)}"
        )
    return [places[index] for index in indexes]


def _axes(places: Sequence[Place]) -> tuple[Floats, Floats]:
    points = [place.point for place in places]
    return np.array([point.lat_deg for point in points]), np.array([point.lon_deg for point in points])


def _indexes_of(cells: NDArray[np.bool_]) -> Raw:
    return Raw(orjson.dumps(np.ascontiguousarray(np.argwhere(cells)), option=orjson.OPT_SERIALIZE_NUMPY))
