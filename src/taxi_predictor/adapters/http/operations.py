"""The endpoints for those who run the service."""

from litestar import get
from msgspec import convert

from taxi_predictor.adapters.http.bodies import LivenessAnswer, ReadinessAnswer, SyncAnswer
from taxi_predictor.adapters.http.openapi import problem_responses
from taxi_predictor.adapters.http.problems import NotReady, NotReadyProblem, Stopping
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
    description="They are, whichever neighbour is down, by the best that can answer; not from when the"
    " service was told to stop.",
    tags=["health"],
    response_description="They are.",
    responses=problem_responses(500, 503, unavailable=NotReadyProblem),
)
async def ready(request: ApiRequest) -> ReadinessAnswer:
    readiness = await request.hexagon.health.readiness()
    served = readiness.served
    if served is None:
        raise (Stopping if readiness.is_stopping else NotReady)(readiness)
    return ReadinessAnswer(
        version=served.version,
        source=served.source,
        degraded=served.trouble,
        sync=convert(readiness.sync, SyncAnswer | None, from_attributes=True),
        neighbours=dict(readiness.neighbours),
    )


ROUTES = (live, ready)
