"""Will I be there in time, and when must I leave to be?"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Annotated

from litestar.params import JSONBody
from msgspec import UNSET, Meta, Struct, UnsetType

from taxi_predictor.adapters.http.bodies import (
    PROBABILITY_DECIMALS,
    Degraded,
    ModelAnswer,
    PassengerCount,
    PlaceBody,
    Probability,
    Source,
    instant_at,
    place_of,
)
from taxi_predictor.adapters.http.decoding import Time
from taxi_predictor.adapters.http.examples import A_DROPOFF, A_MODEL, A_PICKUP, A_PICKUP_AT
from taxi_predictor.adapters.http.openapi import problem_responses
from taxi_predictor.adapters.http.requests import ApiRequest
from taxi_predictor.adapters.http.responses import post
from taxi_predictor.domain.access import Scope
from taxi_predictor.domain.place import straight_km
from taxi_predictor.domain.record import AnswerSource
from taxi_predictor.domain.trip import TripPlan
from taxi_predictor.ports.inbound.answers.arrivals import LOOK_BACK, Bound, Chance
from taxi_predictor.ports.inbound.answers.prediction import Prediction

__all__ = ["EXAMPLES", "ROUTES"]

DEFAULT_PROBABILITY = 0.9


class ArrivalBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A trip, and when it has to be over.

    With `pickup_at`: how likely it then is in time. With `probability`, or with neither: when to leave
    at the latest.
    """

    pickup: PlaceBody
    dropoff: PlaceBody
    arrive_by: Annotated[
        Time,
        Meta(description="With an offset from UTC, or as clocks in the city show it."),
    ]
    pickup_at: (
        Annotated[Time, Meta(description="The planned departure; written as arrive_by.")] | UnsetType
    ) = UNSET
    probability: (
        Annotated[
            Probability,
            Meta(
                description="How likely the latest departure must be in time; 0.9 if pickup_at is absent too."
            ),
        ]
        | UnsetType
    ) = UNSET
    passenger_count: PassengerCount | None = None


class ChanceAnswer(Struct, frozen=True, kw_only=True):
    """How likely the trip is over in time when it starts at `pickup_at`."""

    pickup_at: Annotated[datetime, Meta(tz=True)]
    probability: float
    bound: Annotated[
        Bound,
        Meta(
            description="Whether the probability is just that, or a bound: before the soonest and after the"
            " latest end that the model knows of, it knows no more than that."
        ),
    ]
    duration_s: Annotated[float, Meta(description="The median, as in every prediction.")]
    arrival_at: Annotated[datetime, Meta(tz=True, description="The departure and the median duration.")]

    @classmethod
    def of(cls, chance: Chance) -> "ChanceAnswer":
        return cls(
            pickup_at=chance.prediction.plan.pickup_at,
            probability=round(chance.probability, PROBABILITY_DECIMALS),
            bound=chance.bound,
            duration_s=chance.prediction.duration_s,
            arrival_at=chance.prediction.arrival_at,
        )


class LatestDepartureAnswer(Struct, frozen=True, kw_only=True):
    """The last second to leave so as to be there in time with `probability`."""

    probability: Probability
    pickup_at: Annotated[datetime | None, Meta(description="On the city's clock; null: it is too late.")]
    duration_s: Annotated[float | None, Meta(description="The median when leaving then.")]
    arrival_at: Annotated[
        datetime | None, Meta(description="The departure and the median duration: sooner than needed.")
    ]
    reason: Annotated[str | None, Meta(description="Why there is no such departure.")] = None

    @classmethod
    def of(cls, prediction: Prediction | None, probability: float) -> "LatestDepartureAnswer":
        if prediction is None:
            hours = LOOK_BACK // timedelta(hours=1)
            reason = f"even {hours} hours before, it is too late to be there with probability {probability}"
            return cls(
                probability=probability, pickup_at=None, duration_s=None, arrival_at=None, reason=reason
            )
        tz = prediction.served.manifest.city.tz
        return cls(
            probability=probability,
            pickup_at=prediction.plan.pickup_at.astimezone(tz),
            duration_s=prediction.duration_s,
            arrival_at=prediction.arrival_at.astimezone(tz),
        )


class ArrivalAnswer(Struct, frozen=True, kw_only=True):
    """What was asked for of the two."""

    arrive_by: Annotated[datetime, Meta(tz=True)]
    chance: Annotated[ChanceAnswer, Meta(description="If pickup_at was given.")] | UnsetType = UNSET
    latest_departure: (
        Annotated[LatestDepartureAnswer, Meta(description="If a probability was given, or no pickup_at.")]
        | UnsetType
    ) = UNSET
    distance_km: Annotated[float, Meta(description="The great circle from pickup to drop-off.")]
    model: ModelAnswer | None
    source: Source
    degraded: Degraded


@post(
    "/v1/arrivals",
    status_code=200,
    operation_id="arrive",
    summary="Say how likely an arrival in time is, or when to leave at the latest",
    description="A later arrive_by is never less likely.",
    tags=["advice"],
    response_description="What was asked for.",
    responses=problem_responses(400, 413, 415, 422, 500, 503),
    opt={"scope": Scope.PREDICT},
)
async def arrive(
    data: JSONBody[ArrivalBody],
    request: ApiRequest,
) -> ArrivalAnswer:
    predictor, arrivals = request.hexagon.predictor, request.hexagon.arrivals
    arrive_by = instant_at(data.arrive_by, predictor, pointer="#/arrive_by")
    is_chance = data.pickup_at is not UNSET
    plan = TripPlan(
        pickup=await place_of(data.pickup, predictor, pointer="#/pickup"),
        dropoff=await place_of(data.dropoff, predictor, pointer="#/dropoff"),
        pickup_at=instant_at(data.pickup_at, predictor, pointer="#/pickup_at") if is_chance else arrive_by,
        passenger_count=data.passenger_count,
    )
    standing = predictor.standing()  # of all that is answered here, whoever is promoted meanwhile
    served = standing.served
    asked: list[Prediction | None] = []
    chance: ChanceAnswer | UnsetType = UNSET
    latest: LatestDepartureAnswer | UnsetType = UNSET
    if is_chance:
        found = arrivals.chance(plan, arrive_by=arrive_by, by=standing)
        chance = ChanceAnswer.of(found)
        asked.append(found.prediction)
    if data.probability is not UNSET or not is_chance:
        probability = DEFAULT_PROBABILITY if data.probability is UNSET else data.probability
        prediction = await arrivals.latest_departure(
            plan, arrive_by=arrive_by, probability=probability, by=standing
        )
        latest = LatestDepartureAnswer.of(prediction, probability)
        asked.append(prediction)
    return ArrivalAnswer(
        arrive_by=arrive_by,
        chance=chance,
        latest_departure=latest,
        distance_km=straight_km(plan.pickup, plan.dropoff),
        model=ModelAnswer.of(served),
        source=served.source,
        degraded=next((one.degraded for one in asked if one is not None), served.trouble),
    )


ROUTES = (arrive,)

_ARRIVE_BY = A_PICKUP_AT + timedelta(minutes=30)
_LEAVE_AT = A_PICKUP_AT - timedelta(seconds=166)

EXAMPLES: Mapping[type[Struct], Sequence[Struct]] = {
    ArrivalBody: [
        ArrivalBody(pickup=A_PICKUP, dropoff=A_DROPOFF, arrive_by=_ARRIVE_BY),
        ArrivalBody(
            pickup=A_PICKUP, dropoff=A_DROPOFF, arrive_by=_ARRIVE_BY, pickup_at=A_PICKUP_AT, probability=0.95
        ),
    ],
    ArrivalAnswer: [
        ArrivalAnswer(
            arrive_by=_ARRIVE_BY,
            chance=ChanceAnswer(
                pickup_at=A_PICKUP_AT,
                probability=0.9125,
                bound=Bound.EXACTLY,
                duration_s=1324.612,
                arrival_at=A_PICKUP_AT + timedelta(seconds=1324.612),
            ),
            latest_departure=LatestDepartureAnswer(
                probability=0.95,
                pickup_at=_LEAVE_AT,
                duration_s=1321.004,
                arrival_at=_LEAVE_AT + timedelta(seconds=1321.004),
            ),
            distance_km=4.733,
            model=A_MODEL,
            source=AnswerSource.CHAMPION,
            degraded=None,
        )
    ],
}
