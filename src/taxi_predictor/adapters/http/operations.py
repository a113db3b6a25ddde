"""The endpoints for those who run the service."""

from typing import Any

from litestar import MediaType, Request, Response, get
from litestar.di import NamedDependency

from taxi_predictor.adapters.http.bodies import LivenessAnswer, ReadinessAnswer
from taxi_predictor.adapters.http.hexagon import Hexagon
from taxi_predictor.adapters.http.openapi import problem_responses
from taxi_predictor.adapters.http.problems import NotReady, NotReadyProblem, Stopping
from taxi_predictor.ports.inbound.health import Health

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
    description="They are while a model is at hand, whichever neighbour is down; not from when the service"
    " was told to stop.",
    tags=["health"],
    response_description="They are.",
    responses=problem_responses(500, 503, unavailable=NotReadyProblem),
)
async def ready(health: NamedDependency[Health]) -> ReadinessAnswer:
    readiness = await health.readiness()
    if readiness.version is None:
        raise (Stopping if readiness.is_stopping else NotReady)(readiness)
    return ReadinessAnswer(version=readiness.version, neighbours=dict(readiness.neighbours))


@get(
    "/metrics",
    operation_id="metrics",
    summary="What has this service done so far?",
    description="For Prometheus: in OpenMetrics where that is accepted, else in its own text format.",
    tags=["health"],
    media_type=MediaType.TEXT,
    response_description="The figures of all workers together.",
    responses=problem_responses(500),
    sync_to_thread=False,
)
def metrics(request: Request[Any, Any, Any]) -> Response[bytes]:
    hexagon: Hexagon = request.app.state.hexagon
    hexagon.health.standing()  # which tells telemetry, so that the figures are of now
    exposition = hexagon.figures.exposition(request.headers.get("accept", ""))
    return Response(exposition.text, media_type=exposition.media_type)


ROUTES = (live, ready, metrics)
