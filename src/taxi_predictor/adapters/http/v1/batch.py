"""How long will each of these trips take?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any

import msgspec
from litestar import Response, post
from msgspec import Meta, Raw, Struct

from taxi_predictor.adapters.http.batches import LINES, BatchOperation, EachLine, ItemProblem, answer_all, ref
from taxi_predictor.adapters.http.bodies import DEFAULT_COVERAGE, Coverage, PredictionAnswer, PredictionBody
from taxi_predictor.adapters.http.decoding import decode
from taxi_predictor.adapters.http.examples import EXAMPLES as USUAL
from taxi_predictor.adapters.http.items import BatchTripBody, answer_each
from taxi_predictor.adapters.http.lines import NDJSON, LineResponse
from taxi_predictor.adapters.http.openapi import problem_responses
from taxi_predictor.adapters.http.problems import FieldProblem, Problem
from taxi_predictor.adapters.http.requests import ApiRequest
from taxi_predictor.adapters.http.responses import ApiResponse
from taxi_predictor.domain.access import Scope

__all__ = ["EXAMPLES", "ROUTES", "BatchAnswer", "BatchBody"]


class BatchBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Trips that have not started."""

    # Read one by one: a wrong one spoils no other.
    trips: Annotated[list[Raw], Meta(extra_json_schema={"items": ref(BatchTripBody)})]
    coverage: Coverage = DEFAULT_COVERAGE


class BatchAnswer(Struct, frozen=True, kw_only=True):
    """What became of each trip, in the order of the trips."""

    # msgspec writes a union of two structs, but describes none.
    predictions: Annotated[
        list[Any], Meta(extra_json_schema={"items": {"anyOf": [ref(PredictionAnswer), ref(ItemProblem)]}})
    ]
    problems: Annotated[int, Meta(ge=0, description="How many of these are problems.")]


@dataclass
class TripBatchOperation(BatchOperation):
    whole = BatchBody
    item = BatchTripBody
    answer = PredictionAnswer


@post(
    "/v1/predictions/batch",
    status_code=200,
    operation_id="predict-batch",
    operation_class=TripBatchOperation,
    summary="Predict how long many trips will take",
    description="Each trip is answered as by `POST /v1/predictions`, or with a problem of its own.\n\n"
    "Sent as lines (`application/x-ndjson`), any number of trips are answered line by line while they come.",
    tags=["predictions"],
    response_description="A prediction or a problem for each trip.",
    responses=problem_responses(400, 413, 415, 422, 500, 503),
    opt={"scope": Scope.PREDICT, "streams": LINES, "idempotent": True},
)
async def predict_batch(request: ApiRequest) -> Response[BatchAnswer]:
    answer = partial(answer_each, hexagon=request.hexagon, connection=request.scope)
    if request.media_type in LINES:
        return LineResponse(EachLine(BatchTripBody, partial(answer, coverage=DEFAULT_COVERAGE)))
    batch = await request.read(BatchBody, other=NDJSON)
    request.hexagon.load_telemetry.asked_batch(trips=len(batch.trips))
    predictions = await answer_all(
        batch.trips, BatchTripBody, partial(answer, coverage=batch.coverage), request, name="trips"
    )
    problems = sum(isinstance(found, ItemProblem) for found in predictions)
    return ApiResponse(BatchAnswer(predictions=predictions, problems=problems))


_TRIPS = [Raw(msgspec.json.encode(trip)) for trip in USUAL[PredictionBody]]
_PROBLEM = Problem(
    type="/problems/unknown-zone",
    title="unknown zone",
    status=422,
    detail="zone 999 is not among the 263 known zones",
    errors=[
        FieldProblem(pointer="#/trips/1/dropoff/zone", message="zone 999 is not among the 263 known zones")
    ],
)

EXAMPLES: Mapping[type[Struct], Sequence[Struct]] = {
    BatchBody: [BatchBody(trips=_TRIPS)],
    BatchTripBody: [decode(trip, BatchTripBody) for trip in _TRIPS],
    ItemProblem: [ItemProblem(problem=_PROBLEM)],
    BatchAnswer: [
        BatchAnswer(
            predictions=[*USUAL[PredictionAnswer], ItemProblem(problem=_PROBLEM)],
            problems=1,
        )
    ],
}

ROUTES = (predict_batch,)
