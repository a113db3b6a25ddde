"""Examples of what is sent and got, for the description of the API; built from the real bodies."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone

from msgspec import Struct

from taxi_predictor.adapters.http.bodies import (
    IntervalAnswer,
    LiveLevelAnswer,
    ModelAnswer,
    PlaceBody,
    PredictionAnswer,
    PredictionBody,
)
from taxi_predictor.adapters.http.problems import FieldProblem, NotReadyProblem, Problem
from taxi_predictor.domain.record import AnswerSource

__all__ = [
    "AN_UNKNOWN_PARAMETER",
    "A_DROPOFF",
    "A_MODEL",
    "A_PICKUP",
    "A_PICKUP_AT",
    "EXAMPLES",
    "PROBLEM_EXAMPLES",
]

_LOCAL = timezone(timedelta(hours=-5))
A_PICKUP = PlaceBody(lat=40.7505, lon=-73.9934)
A_DROPOFF = PlaceBody(lat=40.7769, lon=-73.9493)
A_PICKUP_AT = datetime(2024, 3, 1, 8, 30, tzinfo=_LOCAL)
A_MODEL = ModelAnswer(
    city="new-york",
    version=3,
    trained_until=datetime(2024, 2, 15, tzinfo=_LOCAL),
    simulated=False,
)
_DURATION_S = 1042.118
_NO_MODEL = "no model was promoted yet"

PROBLEM_EXAMPLES: Mapping[int, Problem] = {
    problem.status: problem
    for problem in (
        Problem(
            type="/problems/malformed-body",
            title="malformed body",
            status=400,
            detail="the body cannot be read as JSON: Input data was truncated",
        ),
        Problem(
            type="/problems/unauthorized",
            title="unauthorized",
            status=401,
            detail="this needs an API key: send one as Authorization: Bearer KEY",
        ),
        Problem(
            type="/problems/forbidden",
            title="forbidden",
            status=403,
            detail="this API key does not allow admin: it is for predict",
        ),
        Problem(
            type="/problems/slow-request",
            title="slow request",
            status=408,
            detail="the body was not sent within 30 s",
        ),
        Problem(
            type="/problems/unknown-model",
            title="unknown model",
            status=404,
            detail="there is no model version 7",
        ),
        Problem(
            type="/problems/promotion-refused",
            title="promotion refused",
            status=409,
            detail="version 4 is not promoted: it did not pass its judgement: only 320 training trips,"
            " 500 are needed; to promote it all the same, say why in `override`",
            errors=[
                FieldProblem(
                    pointer="#/override", message="to promote it all the same, say why in `override`"
                )
            ],
        ),
        Problem(
            type="about:blank",
            title="Request Entity Too Large",
            status=413,
            detail="Request Entity Too Large",
        ),
        Problem(
            type="about:blank",
            title="Unsupported Media Type",
            status=415,
            detail="send the body as one of: application/json, application/vnd.msgpack",
        ),
        Problem(
            type="/problems/invalid-body",
            title="invalid body",
            status=422,
            detail="Expected `float` <= 90.0",
            errors=[FieldProblem(pointer="#/pickup/lat", message="Expected `float` <= 90.0")],
        ),
        Problem(
            type="/problems/too-many-requests",
            title="too many requests",
            status=429,
            detail="more requests than one client may send",
        ),
        Problem(
            type="/problems/internal",
            title="internal",
            status=500,
            detail="something went wrong here; it is logged under request id 9d800088dd514b11",
        ),
        Problem(type="/problems/no-champion", title="no champion", status=503, detail=_NO_MODEL),
    )
}

AN_UNKNOWN_PARAMETER = Problem(
    type="/problems/invalid-request",
    title="invalid request",
    status=422,
    detail="there is no parameter 'verbose', nor any other",
    errors=[
        FieldProblem(parameter="verbose", message="there is no parameter 'verbose', nor any other"),
    ],
)

EXAMPLES: Mapping[type[Struct], Sequence[Struct]] = {
    PredictionBody: [
        PredictionBody(
            pickup=A_PICKUP,
            dropoff=A_DROPOFF,
            pickup_at=A_PICKUP_AT,
        ),
        PredictionBody(
            pickup=PlaceBody(zone=186),
            dropoff=PlaceBody(zone=263),
            pickup_at=A_PICKUP_AT.astimezone(UTC),
            passenger_count=2,
            coverage=0.9,
        ),
    ],
    PredictionAnswer: [
        PredictionAnswer(
            duration_s=_DURATION_S,
            interval=IntervalAnswer(coverage=0.8, lower_s=731.4, upper_s=1498.902),
            pickup_at=A_PICKUP_AT,
            arrival_at=A_PICKUP_AT + timedelta(seconds=_DURATION_S),
            distance_km=4.733,
            model=A_MODEL,
            source=AnswerSource.CHAMPION,
            degraded=None,
            live_level=LiveLevelAnswer(factor=1.0342, as_of=A_PICKUP_AT - timedelta(minutes=2)),
        )
    ],
    Problem: list(PROBLEM_EXAMPLES.values()),
    NotReadyProblem: [
        NotReadyProblem(
            type="/problems/not-ready",
            title="not ready",
            status=503,
            detail=_NO_MODEL,
            neighbours={"postgres": "ok"},
        )
    ],
}
