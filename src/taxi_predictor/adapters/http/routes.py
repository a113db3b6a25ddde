"""The endpoints: each turns a body into a question of the core, and the answer into a body."""

from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody

from taxi_predictor.adapters.http.bodies import (
    LivenessAnswer,
    PredictionAnswer,
    PredictionBody,
    ReadinessAnswer,
)
from taxi_predictor.adapters.http.openapi import problem_responses
from taxi_predictor.adapters.http.problems import NotReady, NotReadyProblem
from taxi_predictor.ports.inbound.health import Health
from taxi_predictor.ports.inbound.predicting import DurationPredictor

__all__ = ["ROUTES"]


@post(
    "/v1/predictions",
    status_code=200,
    operation_id="predict",
    summary="Predict how long a trip will take",
    description="The same instant gives the same duration, at whatever offset it is written.",
    tags=["predictions"],
    response_description="The prediction.",
    responses=problem_responses(400, 413, 415, 422, 500, 503),
)
async def predict(
    data: JSONBody[PredictionBody], predictor: NamedDependency[DurationPredictor]
) -> PredictionAnswer:
    plan = await data.to_plan(predictor)
    [prediction] = predictor.predict([plan])
    return PredictionAnswer.of(prediction, coverage=data.coverage)


@get(
    "/health/live",
    operation_id="live",
    summary="Is the process up?",
    description="Always the same answer: no neighbour is asked.",
    tags=["health"],
    response_description="It is.",
)
async def live() -> LivenessAnswer:
    return LivenessAnswer()


@get(
    ["/health/ready", "/health"],
    operation_id=lambda _handler, _method, path: "-".join(str(part) for part in path),
    summary="Are predictions answered?",
    description="They are while a model is at hand, whichever neighbour is down.",
    tags=["health"],
    response_description="They are.",
    responses=problem_responses(500, 503, unavailable=NotReadyProblem),
)
async def ready(health: NamedDependency[Health]) -> ReadinessAnswer:
    readiness = await health.readiness()
    if readiness.version is None:
        raise NotReady(readiness)
    return ReadinessAnswer(version=readiness.version, neighbours=dict(readiness.neighbours))


ROUTES = (predict, live, ready)
