"""The endpoints: each turns a body into a question of the core, and the answer into a body."""

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import JSONBody

from taxi_predictor.adapters.http.bodies import (
    LivenessAnswer,
    PredictionAnswer,
    PredictionBody,
    ReadinessAnswer,
)
from taxi_predictor.adapters.http.openapi import DescribedOperation, problem_responses
from taxi_predictor.adapters.http.problems import PROBLEM_JSON, NotReadyProblem, Problem, not_ready
from taxi_predictor.ports.inbound.health import Health
from taxi_predictor.ports.inbound.predicting import DurationPredictor

__all__ = ["ROUTES"]


@post(
    "/v1/predictions",
    status_code=200,
    operation_id="predict",
    operation_class=DescribedOperation,
    summary="Predict how long a trip will take",
    tags=["predictions"],
    response_description="The prediction.",
    responses=problem_responses(400, 413, 415, 422, 500, 503),
)
async def predict(
    data: JSONBody[PredictionBody], predictor: NamedDependency[DurationPredictor]
) -> PredictionAnswer:
    """The same instant gives the same duration at whatever offset it is written."""
    plan = await data.to_plan(predictor)
    [prediction] = predictor.predict([plan])
    return PredictionAnswer.of(prediction, coverage=data.coverage)


@get(
    "/health/live",
    operation_id="live",
    operation_class=DescribedOperation,
    summary="Is the process up?",
    tags=["health"],
    response_description="It is.",
)
async def live() -> LivenessAnswer:
    """For the one who restarts processes: it asks no neighbour."""
    return LivenessAnswer()


async def answer_readiness(health: Health) -> Response[ReadinessAnswer] | Response[Problem]:
    readiness = await health.readiness()
    answer = ReadinessAnswer.of(readiness)
    return Response(answer) if answer else not_ready(readiness)
