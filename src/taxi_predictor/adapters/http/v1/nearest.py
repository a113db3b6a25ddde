"""Which vehicle reaches the rider first?"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Annotated

from litestar.params import JSONBody
from msgspec import UNSET, Meta, Struct, UnsetType

from taxi_predictor.adapters.http.bodies import (
    PROBABILITY_DECIMALS,
    Degraded,
    Departure,
    ModelAnswer,
    PlaceBody,
    Source,
    instant_at,
    place_of,
)
from taxi_predictor.adapters.http.examples import A_MODEL, A_PICKUP, A_PICKUP_AT
from taxi_predictor.adapters.http.openapi import problem_responses
from taxi_predictor.adapters.http.requests import ApiRequest
from taxi_predictor.adapters.http.responses import post
from taxi_predictor.domain.access import Scope
from taxi_predictor.domain.errors import InvalidTrip
from taxi_predictor.domain.record import AnswerSource
from taxi_predictor.ports.inbound.answers.dispatch import Approach, Vehicle

__all__ = ["EXAMPLES", "ROUTES"]


class VehicleBody(Struct, frozen=True, forbid_unknown_fields=True):
    """A vehicle that could pick up the rider, and where it is."""

    id: Annotated[str, Meta(min_length=1, max_length=128)]
    place: PlaceBody


class NearestBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A rider, and the vehicles that could come; no two have one id."""

    rider: PlaceBody
    vehicles: Annotated[list[VehicleBody], Meta(min_length=1)]
    pickup_at: (
        Annotated[Departure, Meta(description="When the vehicles leave; written as in any trip.")] | UnsetType
    ) = UNSET
    k: Annotated[int, Meta(ge=1, description="The most vehicles in the answer.")] = 1

    def __post_init__(self) -> None:
        if len({vehicle.id for vehicle in self.vehicles}) < len(self.vehicles):
            raise InvalidTrip("two vehicles have the same id")


class ApproachAnswer(Struct, frozen=True, kw_only=True):
    """How a vehicle comes to the rider."""

    id: str
    duration_s: Annotated[
        float,
        Meta(description="The median, as for any trip from there; 0 if the vehicle is there already."),
    ]
    distance_km: Annotated[float, Meta(description="The great circle from the vehicle to the rider.")]
    arrival_at: Annotated[
        datetime, Meta(tz=True, description="When it picks up the rider, after the median duration.")
    ]
    probability_first: Annotated[
        float,
        Meta(
            description="That none of all the vehicles is there sooner. Durations are taken as independent:"
            " a jam on the way of several makes this less sure than it says."
        ),
    ]

    @classmethod
    def of(cls, approach: Approach) -> "ApproachAnswer":
        return cls(
            id=approach.vehicle.id,
            duration_s=approach.duration_s,
            distance_km=approach.distance_km,
            arrival_at=approach.arrival_at,
            probability_first=round(approach.probability_first, PROBABILITY_DECIMALS),
        )


class NearestAnswer(Struct, frozen=True, kw_only=True):
    """The vehicles that are there soonest."""

    pickup_at: Annotated[datetime, Meta(tz=True)]
    nearest: Annotated[list[ApproachAnswer], Meta(description="By duration, the soonest first.")]
    unreachable: Annotated[list[str], Meta(description="Ids of vehicles outside the city.")]
    model: ModelAnswer | None
    source: Source
    degraded: Degraded


@post(
    "/v1/nearest",
    status_code=200,
    operation_id="findNearest",
    summary="Say which vehicles reach the rider first",
    description="By duration at that time of day, not by distance.",
    tags=["advice"],
    response_description="The vehicles.",
    responses=problem_responses(400, 413, 415, 422, 500, 503),
    opt={"scope": Scope.PREDICT},
)
async def find_nearest(
    data: JSONBody[NearestBody],
    request: ApiRequest,
) -> NearestAnswer:
    predictor = request.hexagon.predictor
    rider = await place_of(data.rider, predictor, pointer="#/rider")
    pickup_at = instant_at(data.pickup_at, predictor, pointer="#/pickup_at")
    vehicles = [
        Vehicle(
            id=vehicle.id,
            place=await place_of(vehicle.place, predictor, pointer=f"#/vehicles/{number}/place"),
        )
        for number, vehicle in enumerate(data.vehicles)
    ]
    ranking = await request.hexagon.dispatch.nearest(rider, vehicles, pickup_at=pickup_at, most=data.k)
    return NearestAnswer(
        pickup_at=pickup_at,
        nearest=[ApproachAnswer.of(approach) for approach in ranking.nearest],
        unreachable=[vehicle.id for vehicle in ranking.unreachable],
        model=ModelAnswer.of(ranking.served),
        source=ranking.served.source,
        degraded=ranking.served.trouble,
    )


ROUTES = (find_nearest,)


EXAMPLES: Mapping[type[Struct], Sequence[Struct]] = {
    NearestBody: [
        NearestBody(
            rider=A_PICKUP,
            vehicles=[
                VehicleBody(id="cab-7", place=PlaceBody(lat=40.7614, lon=-73.9776)),
                VehicleBody(id="cab-12", place=PlaceBody(zone=186)),
            ],
            pickup_at=A_PICKUP_AT,
            k=2,
        )
    ],
    NearestAnswer: [
        NearestAnswer(
            pickup_at=A_PICKUP_AT,
            nearest=[
                ApproachAnswer(
                    id="cab-12",
                    duration_s=231.402,
                    distance_km=0.224,
                    arrival_at=A_PICKUP_AT + timedelta(seconds=231.402),
                    probability_first=0.973214,
                ),
                ApproachAnswer(
                    id="cab-7",
                    duration_s=604.118,
                    distance_km=1.803,
                    arrival_at=A_PICKUP_AT + timedelta(seconds=604.118),
                    probability_first=0.026786,
                ),
            ],
            unreachable=[],
            model=A_MODEL,
            source=AnswerSource.CHAMPION,
            degraded=None,
        )
    ],
}
