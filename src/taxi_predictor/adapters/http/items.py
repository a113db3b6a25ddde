"""Many trips at once, each answered or refused by itself."""

import asyncio
from collections.abc import Sequence
from typing import Annotated, NamedTuple

from litestar.types import Scope as Connection
from msgspec import UNSET, Meta, UnsetType

from taxi_predictor.adapters.http.bodies import Coverage, PredictionAnswer, TripBody
from taxi_predictor.adapters.http.gate.callers import caller
from taxi_predictor.adapters.http.hexagon import Hexagon
from taxi_predictor.domain.errors import Invalid
from taxi_predictor.domain.possibility import refuse_impossible
from taxi_predictor.domain.trip import TripPlan
from taxi_predictor.ports.inbound.answers.predicting import DurationPredictor
from taxi_predictor.ports.inbound.answers.recording import Asker

__all__ = ["BatchTripBody", "answer_each"]


class BatchTripBody(TripBody, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A trip among others."""

    coverage: (
        Annotated[
            Coverage, Meta(description="How likely the interval holds the duration; absent: the batch's.")
        ]
        | UnsetType
    ) = UNSET


class _Asked(NamedTuple):
    plan: TripPlan
    coverage: float
    reference: str | None


async def answer_each(
    trips: Sequence[BatchTripBody | Invalid],
    hexagon: Hexagon,
    *,
    coverage: float,
    connection: Connection,
) -> list[PredictionAnswer | Invalid]:
    """What ``POST /v1/predictions`` answers to each of *trips*, in their order.

    One that was refused already stays so; one that cannot be predicted spoils no other.

    Raises:
        Unavailable: none is answered at the moment.
    """
    predictor = hexagon.predictor
    predictor.serving()  # without one, not even a wrong trip is answered
    planned = [await _planned(trip, predictor, coverage) for trip in trips]
    asked = [found for found in planned if not isinstance(found, Invalid)]
    if not asked:
        return [found for found in planned if isinstance(found, Invalid)]
    predictions = await predictor.predict_many([one.plan for one in asked])
    owner = caller(connection).name
    kept = await hexagon.recording.keep(predictions, askers=[Asker(owner, one.reference) for one in asked])
    await asyncio.sleep(0)
    answers = (
        PredictionAnswer.of(
            prediction, coverage=one.coverage, prediction_id=prediction_id, logged=kept.is_logged
        )
        for one, prediction, prediction_id in zip(asked, predictions, kept.prediction_ids, strict=True)
    )
    return [found if isinstance(found, Invalid) else next(answers) for found in planned]


async def _planned(
    trip: BatchTripBody | Invalid, predictor: DurationPredictor, coverage: float
) -> _Asked | Invalid:
    """What is asked about *trip*, or why nothing can be."""
    if isinstance(trip, Invalid):
        return trip
    try:
        plan = await trip.to_plan(predictor)
        refuse_impossible(plan, predictor.city)
    except Invalid as error:
        return error
    return _Asked(plan, coverage if trip.coverage is UNSET else trip.coverage, trip.reference)
