"""The endpoints for those who run the service."""

from litestar import get

from taxi_predictor.adapters.http.bodies import LivenessAnswer, ReadinessAnswer
from taxi_predictor.adapters.http.openapi import problem_responses
from taxi_predictor.adapters.http.problems import NotReady, NotReadyProblem
from taxi_predictor.adapters.http.requests import ApiRequest

__all__ = ["ROUTES"]


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
async def ready(request: ApiRequest) -> ReadinessAnswer:
    readiness = await request.hexagon.health.readiness()
    if readiness.version is None:
        raise NotReady(readiness)
    return ReadinessAnswer(version=readiness.version, neighbours=dict(readiness.neighbours))


ROUTES = (live, ready)
