"""How long does the trip take through the day, and when is it best to leave?"""

import asyncio
import datetime as dt
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Annotated

from litestar.params import JSONBody, QueryParameter
from msgspec import UNSET, Meta, Struct, UnsetType, field

from taxi_predictor.adapters.http.bodies import (
    DEFAULT_COVERAGE,
    Coverage,
    Degraded,
    ModelAnswer,
    PassengerCount,
    PlaceBody,
    Source,
    instant_at,
    place_of,
)
from taxi_predictor.adapters.http.decoding import Time, convert, patterned
from taxi_predictor.adapters.http.examples import A_MODEL, A_PICKUP, A_PICKUP_AT
from taxi_predictor.adapters.http.methods import naming_methods
from taxi_predictor.adapters.http.openapi import problem_responses
from taxi_predictor.adapters.http.problems import FieldProblem, Problem
from taxi_predictor.adapters.http.queries import InvalidQuery, with_plus
from taxi_predictor.adapters.http.requests import ApiRequest
from taxi_predictor.adapters.http.responses import get, post
from taxi_predictor.domain.access import Scope
from taxi_predictor.domain.errors import InvalidTrip
from taxi_predictor.domain.record import AnswerSource
from taxi_predictor.domain.trip import MOST_PASSENGERS, TripPlan
from taxi_predictor.ports.inbound.answers.departures import Departures
from taxi_predictor.ports.inbound.answers.prediction import Prediction

__all__ = ["EXAMPLES", "ROUTES"]

DEFAULT_EVERY_MIN = 15

_FROM = "The first departure: with an offset from UTC, or as clocks in the city show it."
_TO = "No departure is later; written as from, and at most 48 hours after it."
_DATE = "A day of the city, in place of from and to; today where all three are absent."
_EVERY = "Minutes from one departure to the next."


class DeparturesBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A trip, and when it may start: {from, to}, or the whole day {date}."""

    pickup: PlaceBody
    dropoff: PlaceBody
    from_: Annotated[Time, Meta(description=_FROM)] | UnsetType = field(name="from", default=UNSET)
    to: Annotated[Time, Meta(description=_TO)] | UnsetType = UNSET
    date: Annotated[dt.date, Meta(description=_DATE)] | UnsetType = UNSET
    every_min: Annotated[int, Meta(ge=1, le=1440, description=_EVERY)] = DEFAULT_EVERY_MIN
    coverage: Coverage = DEFAULT_COVERAGE
    passenger_count: PassengerCount | None = None

    def __post_init__(self) -> None:
        has_from, has_to, has_date = (one is not UNSET for one in (self.from_, self.to, self.date))
        if has_from != has_to or (has_date and has_from):
            raise InvalidTrip("departures are given by both from and to, or by date alone")


class DepartureAnswer(Struct, frozen=True, kw_only=True):
    """How long the trip takes when it starts then; times are those of the city's clock."""

    pickup_at: Annotated[datetime, Meta(tz=True)]
    duration_s: Annotated[float, Meta(description="The median, as in every prediction.")]
    lower_s: Annotated[float, Meta(description="The lower end of the interval.")]
    upper_s: float
    arrival_at: Annotated[datetime, Meta(tz=True)]

    @classmethod
    def of(cls, prediction: Prediction, coverage: float) -> "DepartureAnswer":
        lower_s, upper_s = prediction.interval_s(coverage)
        return cls(
            pickup_at=prediction.plan.pickup_at,
            duration_s=prediction.duration_s,
            lower_s=lower_s,
            upper_s=upper_s,
            arrival_at=prediction.arrival_at,
        )


class DeparturesAnswer(Struct, frozen=True, kw_only=True):
    """The departures in their order; whoever leaves later never arrives earlier."""

    fastest: Annotated[DepartureAnswer, Meta(description="The shortest; of several, the first to leave.")]
    departures: list[DepartureAnswer]
    coverage: Coverage
    distance_km: Annotated[float, Meta(description="The great circle from pickup to drop-off.")]
    model: ModelAnswer | None
    source: Source
    degraded: Degraded

    @classmethod
    def of(cls, departures: Departures, coverage: float) -> "DeparturesAnswer":
        fastest = departures.fastest
        return cls(
            fastest=DepartureAnswer.of(fastest, coverage),
            departures=[DepartureAnswer.of(answer, coverage) for answer in departures.answers],
            coverage=coverage,
            distance_km=fastest.distance_km,
            model=ModelAnswer.of(fastest.served),
            source=fastest.served.source,
            degraded=fastest.degraded,
        )


_SUMMARY = "Say how long the trip takes through the day"
_DESCRIPTION = "A day has 23, 24 or 25 hours, as the city's clocks have it."
_NUMBER = "-?[0-9]{1,3}([.][0-9]{1,15})?"
_PLACE = patterned(
    f"^({_NUMBER},{_NUMBER}|[0-9]{{1,9}})$", "not a point as LAT,LON in degrees, nor the id of a taxi zone"
)

_WRONG_PARAMETER = Problem(
    type=f"/problems/{InvalidQuery.slug}",
    title="invalid request",
    status=422,
    detail="every_min: Expected `int` >= 1",
    errors=[FieldProblem(parameter="every_min", message="Expected `int` >= 1")],
)

PlaceInQuery = Annotated[
    str,
    QueryParameter(
        pattern=_PLACE.pattern,
        description="A point as LAT,LON in degrees, WGS 84, or the id of a taxi zone.",
    ),
]


@post(
    "/v1/departures",
    status_code=200,
    operation_id="compareDepartures",
    summary=_SUMMARY,
    description=_DESCRIPTION,
    tags=["advice"],
    response_description="The departures.",
    responses=problem_responses(400, 413, 415, 422, 500, 503),
    opt={"scope": Scope.PREDICT},
)
async def compare_departures(
    data: JSONBody[DeparturesBody],
    request: ApiRequest,
) -> DeparturesAnswer:
    return await _compare(data, request)


@get(
    "/v1/departures",
    operation_id="listDepartures",
    summary=_SUMMARY,
    description=_DESCRIPTION,
    tags=["advice"],
    response_description="The departures.",
    responses=problem_responses(413, 422, 500, 503, such_as=[_WRONG_PARAMETER]),
    opt={"scope": Scope.PREDICT},
)
async def list_departures(
    request: ApiRequest,
    pickup: PlaceInQuery,
    dropoff: PlaceInQuery,
    from_: Annotated[str | None, QueryParameter(name="from", description=_FROM)] = None,
    to: Annotated[str | None, QueryParameter(description=_TO)] = None,
    date: Annotated[str | None, QueryParameter(format="date", description=_DATE)] = None,
    every_min: Annotated[int, QueryParameter(ge=1, le=1440, description=_EVERY)] = DEFAULT_EVERY_MIN,
    coverage: Annotated[float, QueryParameter(ge=0.01, le=0.99)] = DEFAULT_COVERAGE,
    passenger_count: Annotated[int | None, QueryParameter(ge=0, le=MOST_PASSENGERS)] = None,
) -> DeparturesAnswer:
    given = {"from": from_ and with_plus(from_), "to": to and with_plus(to), "date": date}
    body = convert(
        {
            "pickup": _place(pickup),
            "dropoff": _place(dropoff),
            "every_min": every_min,
            "coverage": coverage,
            "passenger_count": passenger_count,
            **{name: value for name, value in given.items() if value is not None},
        },
        DeparturesBody,
    )
    return await _compare(body, request)


def _place(text: str) -> dict[str, float]:
    lat, comma, lon = text.partition(",")
    return {"lat": float(lat), "lon": float(lon)} if comma else {"zone": int(text)}


async def _compare(data: DeparturesBody, request: ApiRequest) -> DeparturesAnswer:
    predictor, departures = request.hexagon.predictor, request.hexagon.departures
    first = instant_at(data.from_, predictor, pointer="#/from")
    last = instant_at(data.to, predictor, pointer="#/to")
    plan = TripPlan(
        pickup=await place_of(data.pickup, predictor, pointer="#/pickup"),
        dropoff=await place_of(data.dropoff, predictor, pointer="#/dropoff"),
        pickup_at=first,
        passenger_count=data.passenger_count,
    )
    every = timedelta(minutes=data.every_min)
    if data.from_ is UNSET:
        day = first.date() if data.date is UNSET else data.date
        found = await departures.of_day(plan, day, every=every)
    else:
        found = await departures.between(plan, first, last, every=every)
    return await asyncio.to_thread(DeparturesAnswer.of, found, data.coverage)


ROUTES = (naming_methods("/v1/departures", "GET, OPTIONS, POST"), compare_departures, list_departures)

_LATER = A_PICKUP_AT + timedelta(hours=1)


def _example(at: datetime, duration_s: float, lower_s: float, upper_s: float) -> DepartureAnswer:
    return DepartureAnswer(
        pickup_at=at,
        duration_s=duration_s,
        lower_s=lower_s,
        upper_s=upper_s,
        arrival_at=at + timedelta(seconds=duration_s),
    )


EXAMPLES: Mapping[type[Struct], Sequence[Struct]] = {
    DeparturesBody: [
        DeparturesBody(
            pickup=A_PICKUP,
            dropoff=PlaceBody(zone=132),
            date=dt.date(2024, 3, 1),
        ),
        DeparturesBody(
            pickup=PlaceBody(zone=186),
            dropoff=PlaceBody(zone=132),
            from_=A_PICKUP_AT,
            to=_LATER,
            every_min=60,
        ),
    ],
    DeparturesAnswer: [
        DeparturesAnswer(
            fastest=_example(_LATER, 2904.55, 2301.8, 3702.114),
            departures=[
                _example(A_PICKUP_AT, 3102.218, 2450.306, 3960.97),
                _example(_LATER, 2904.55, 2301.8, 3702.114),
            ],
            coverage=DEFAULT_COVERAGE,
            distance_km=20.871,
            model=A_MODEL,
            source=AnswerSource.CHAMPION,
            degraded=None,
        )
    ],
}
