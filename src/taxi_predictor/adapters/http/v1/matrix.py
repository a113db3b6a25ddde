"""How long from each of these places to each of those?"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Annotated

import numpy as np
from litestar.params import JSONBody
from msgspec import UNSET, Meta, Raw, Struct, UnsetType, field

from taxi_predictor.adapters.http.arrays import CELL, encoded, list_of
from taxi_predictor.adapters.http.bodies import (
    Degraded,
    Departure,
    ModelAnswer,
    PlaceBody,
    Source,
    instant_at,
    place_of,
)
from taxi_predictor.adapters.http.decoding import InvalidBody, Time
from taxi_predictor.adapters.http.examples import A_MODEL
from taxi_predictor.adapters.http.formats import wanted
from taxi_predictor.adapters.http.openapi import problem_responses
from taxi_predictor.adapters.http.requests import ApiRequest
from taxi_predictor.adapters.http.responses import post
from taxi_predictor.domain.access import Scope
from taxi_predictor.domain.errors import InvalidTrip, TooMuch
from taxi_predictor.domain.place import Place
from taxi_predictor.domain.record import AnswerSource
from taxi_predictor.ports.inbound.answers.departures import departures_between
from taxi_predictor.ports.inbound.answers.predicting import DurationPredictor

__all__ = ["EXAMPLES", "ROUTES", "MatrixAnswer", "MatrixBody"]

Places = Annotated[list[PlaceBody], Meta(min_length=1)]


class DepartureWindow(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Departures at equal distances; on full hours of UTC, a line from one to the next loses nothing."""

    from_: Annotated[
        Time,
        Meta(description="The first departure: with an offset from UTC, or as clocks in the city show it."),
    ] = field(name="from")
    to: Annotated[
        Time, Meta(description="No departure is later; written as from, and at most 48 hours after it.")
    ]
    every_min: Annotated[int, Meta(ge=1, le=1440, description="Minutes from one to the next.")] = 60


class MatrixBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Places to go from and to, and when."""

    origins: Places
    destinations: Annotated[Places, Meta(description="Absent: the origins.")] | UnsetType = UNSET
    pickup_at: Departure | UnsetType = UNSET
    departures: (
        Annotated[
            list[Departure], Meta(min_length=1, description="Instead of pickup_at: one matrix for each.")
        ]
        | DepartureWindow
        | UnsetType
    ) = UNSET

    def __post_init__(self) -> None:
        if self.pickup_at is not UNSET and self.departures is not UNSET:
            raise InvalidTrip("give either pickup_at or departures")


class MatrixAnswer(Struct, frozen=True, kw_only=True):
    """Durations and distances by origin and destination; null where either is outside the city."""

    durations_s: Annotated[
        Raw,
        Meta(
            description="Medians by [origin][destination]; where departures were given, by"
            " [departure][origin][destination].",
            # Told of two kinds of matrices, a generator of clients wrote wrong code; of two of cells, none.
            extra_json_schema=list_of(list_of({"anyOf": [CELL, list_of(CELL)]})),
        ),
    ]
    distances_km: Annotated[
        Raw,
        Meta(description="Great circles by [origin][destination].", extra_json_schema=list_of(list_of(CELL))),
    ]
    departures: Annotated[list[datetime], Meta(description="The departures of durations_s, in its order.")]
    model: ModelAnswer | None
    source: Source
    degraded: Degraded


@post(
    "/v1/matrix",
    status_code=200,
    operation_id="matrix",
    summary="Predict how long trips between many places will take",
    tags=["predictions"],
    response_description="The matrix.",
    responses=problem_responses(400, 413, 415, 422, 500, 503),
    opt={"scope": Scope.PREDICT},
)
async def matrix(data: JSONBody[MatrixBody], request: ApiRequest) -> MatrixAnswer:
    predictor = request.hexagon.predictor
    given = len(data.origins) + (0 if data.destinations is UNSET else len(data.destinations))
    if given > request.options.max_items:
        raise TooMuch(f"{given:,} places; at most {request.options.max_items:,} are taken at once")
    origins = await _places(data.origins, predictor, "#/origins")
    destinations = (
        origins
        if data.destinations is UNSET
        else await _places(data.destinations, predictor, "#/destinations")
    )
    departures = _departures(data, request)
    found = await request.hexagon.matrices.between(origins, destinations, departures)
    rows, form = (len(origins), len(destinations)), wanted(request.scope)
    shape = rows if data.departures is UNSET else (len(departures), *rows)
    return MatrixAnswer(
        durations_s=await encoded(np.asarray(found.durations_s).reshape(shape), form),
        distances_km=await encoded(np.asarray(found.distances_km).reshape(rows), form),
        departures=departures,
        model=ModelAnswer.of(found.served),
        source=found.served.source,
        degraded=found.served.trouble,
    )


def _departures(data: MatrixBody, request: ApiRequest) -> list[datetime]:
    predictor, asked = request.hexagon.predictor, data.departures
    if asked is UNSET:
        return [instant_at(data.pickup_at, predictor, pointer="#/pickup_at")]
    if not isinstance(asked, DepartureWindow):
        return [
            instant_at(at, predictor, pointer=f"#/departures/{number}") for number, at in enumerate(asked)
        ]
    first = instant_at(asked.from_, predictor, pointer="#/departures/from")
    last = instant_at(asked.to, predictor, pointer="#/departures/to")
    every, most = timedelta(minutes=asked.every_min), request.options.max_items
    try:
        return departures_between(first, last, every=every, tz=predictor.city.tz, most=most)
    except InvalidTrip as error:
        raise InvalidBody(str(error), pointer="#/departures/to", slug=error.slug) from error


async def _places(bodies: Sequence[PlaceBody], predictor: DurationPredictor, pointer: str) -> list[Place]:
    return [
        await place_of(body, predictor, pointer=f"{pointer}/{number}") for number, body in enumerate(bodies)
    ]


_DEPARTURE = datetime.fromisoformat("2024-03-01T08:30:00-05:00")

EXAMPLES: Mapping[type[Struct], Sequence[Struct]] = {
    MatrixBody: [
        MatrixBody(
            origins=[PlaceBody(lat=40.7505, lon=-73.9934), PlaceBody(lat=40.7769, lon=-73.9493)],
            destinations=[PlaceBody(zone=132)],
            pickup_at=_DEPARTURE,
        ),
        MatrixBody(
            origins=[PlaceBody(lat=40.7505, lon=-73.9934), PlaceBody(lat=40.7769, lon=-73.9493)],
            departures=DepartureWindow(
                from_=datetime.fromisoformat("2024-03-01T07:00:00-05:00"),
                to=datetime.fromisoformat("2024-03-01T19:00:00-05:00"),
            ),
        ),
    ],
    MatrixAnswer: [
        MatrixAnswer(
            durations_s=Raw(b"[[3161.834],[2874.02]]"),
            distances_km=Raw(b"[[20.86],[20.13]]"),
            departures=[_DEPARTURE],
            model=A_MODEL,
            source=AnswerSource.CHAMPION,
            degraded=None,
        )
    ],
}

ROUTES = (matrix,)
