"""The endpoints for those who run the service."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Literal

from litestar import get
from msgspec import Meta, Struct, convert

from taxi_predictor.adapters.http.bodies import Degraded, Source
from taxi_predictor.adapters.http.examples import A_PICKUP_AT
from taxi_predictor.adapters.http.openapi import problem_responses
from taxi_predictor.adapters.http.problems import NotReady, NotReadyProblem, Stopping
from taxi_predictor.adapters.http.requests import ApiRequest
from taxi_predictor.domain.record import AnswerSource

__all__ = ["EXAMPLES", "ROUTES"]


class LivenessAnswer(Struct, frozen=True, kw_only=True):
    status: Literal["live"] = "live"


class SyncAnswer(Struct, frozen=True, kw_only=True):
    """How the last look at the registry went."""

    looked_at: Annotated[datetime, Meta(tz=True)]
    version: Annotated[
        int | None, Meta(description="The champion in the registry; null: there is none, or it is unknown.")
    ]
    trouble: Annotated[
        str | None,
        Meta(description="Why that champion does not serve here, or is unknown; null: all is well."),
    ]


class ReadinessAnswer(Struct, frozen=True, kw_only=True):
    """Predictions are answered; a neighbour that is down does not change that."""

    version: Annotated[int | None, Meta(description="The model that answers; null: none does.")]
    source: Source
    degraded: Degraded
    sync: Annotated[SyncAnswer | None, Meta(description="null: no look was made yet.")]
    neighbours: Annotated[dict[str, str], Meta(description="Name to ``ok`` or what is wrong.")]
    status: Literal["ready"] = "ready"


@get(
    "/health/live",
    operation_id="live",
    summary="Is the process up?",
    description="It answers as long as the process does; no neighbour is asked.",
    tags=["health"],
    response_description="It is.",
)
async def live() -> LivenessAnswer:
    return LivenessAnswer()


@get(
    ["/health/ready", "/health"],
    operation_id=lambda _handler, _method, path: "-".join(str(part) for part in path),
    summary="Are predictions answered?",
    description="Yes, whichever neighbour is down, by the best that can answer; no once the service is told"
    " to stop.",
    tags=["health"],
    response_description="Predictions are answered.",
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

EXAMPLES: Mapping[type[Struct], Sequence[Struct]] = {
    LivenessAnswer: [LivenessAnswer()],
    ReadinessAnswer: [
        ReadinessAnswer(
            version=3,
            source=AnswerSource.CHAMPION,
            degraded=None,
            sync=SyncAnswer(looked_at=A_PICKUP_AT, version=3, trouble=None),
            neighbours={"postgres": "ok"},
        )
    ],
}
