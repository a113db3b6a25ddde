"""Many trips at once, each answered or refused by itself."""

import asyncio
from collections.abc import Sequence
from typing import Annotated

from litestar.types import Scope as Connection
from msgspec import UNSET, Meta, UnsetType

from taxi_predictor.adapters.http.bodies import Coverage, PredictionAnswer, TripBody
from taxi_predictor.adapters.http.timing import timed
from taxi_predictor.domain.errors import Invalid
from taxi_predictor.domain.prediction_id import new_prediction_id
from taxi_predictor.domain.trip import TripPlan
from taxi_predictor.ports.inbound.predicting import DurationPredictor, refuse_impossible

__all__ = ["GROUP_TRIPS", "BatchTripBody", "answer_each"]

GROUP_TRIPS = 256
"""So many are answered at a time: some milliseconds of the event loop, which then goes round."""


class BatchTripBody(TripBody, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A trip among others."""

    coverage: (
        Annotated[
            Coverage, Meta(description="How likely the interval holds it; absent: as likely as of all.")
        ]
        | UnsetType
    ) = UNSET


async def answer_each(
    trips: Sequence[BatchTripBody | Invalid],
    predictor: DurationPredictor,
    *,
    coverage: float,
    connection: Connection,
) -> list[PredictionAnswer | Invalid]:
    """What ``POST /v1/predictions`` answers to each of at most :data:`GROUP_TRIPS` *trips*, in their order.

    One that was refused already stays so; one that cannot be predicted spoils no other.

    Raises:
        Unavailable: none is answered at the moment.
    """
    predictor.champion()  # without one, not even a wrong trip is answered
    planned = [await _planned(trip, predictor, coverage) for trip in trips]
    plans = [plan for plan, _ in (found for found in planned if not isinstance(found, Invalid))]
    with timed(connection, "model"):
        predictions = iter(await predictor.predict_many(plans) if plans else ())
    await asyncio.sleep(0)
    now = predictor.now()
    return [
        found
        if isinstance(found, Invalid)
        else PredictionAnswer.of(next(predictions), coverage=found[1], prediction_id=new_prediction_id(now))
        for found in planned
    ]


async def _planned(
    trip: BatchTripBody | Invalid, predictor: DurationPredictor, coverage: float
) -> tuple[TripPlan, float] | Invalid:
    """The plan and the coverage of *trip*, or why it has none."""
    if isinstance(trip, Invalid):
        return trip
    try:
        plan = await trip.to_plan(predictor)
        refuse_impossible(plan, predictor.city)
    except Invalid as error:
        return error
    return plan, coverage if trip.coverage is UNSET else trip.coverage
