"""How long did the trip really take?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Annotated, Any, Literal

import msgspec
from litestar import Response, post
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import JSONBody
from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from taxi_predictor.adapters.http.batches import LINES, BatchOperation, EachLine, ItemProblem, answer_all, ref
from taxi_predictor.adapters.http.bodies import instant_at
from taxi_predictor.adapters.http.decoding import Time
from taxi_predictor.adapters.http.examples import A_PICKUP_AT
from taxi_predictor.adapters.http.gate.callers import caller
from taxi_predictor.adapters.http.lines import NDJSON, LineResponse
from taxi_predictor.adapters.http.openapi import problem_responses
from taxi_predictor.adapters.http.problems import Problem
from taxi_predictor.adapters.http.requests import ApiRequest
from taxi_predictor.adapters.http.responses import ApiResponse
from taxi_predictor.domain.access import Scope
from taxi_predictor.domain.errors import Invalid, TaxiPredictorError
from taxi_predictor.domain.prediction_id import parse_prediction_id
from taxi_predictor.ports.inbound.answers.feedback import Report, Reported
from taxi_predictor.ports.inbound.answers.predicting import DurationPredictor
from taxi_predictor.ports.outbound.watch import timed

__all__ = ["EXAMPLES", "ROUTES", "OutcomeAnswer", "OutcomeBatchAnswer", "OutcomeBatchBody", "OutcomeBody"]

State = Literal["new", "known", "early"]
STATUS: Mapping[State, int] = {"new": 201, "known": 200, "early": 202}


class OutcomeBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """How a trip that was predicted went."""

    prediction_id: Annotated[
        str, Meta(description="As the answer gave it.", extra_json_schema={"format": "uuid"})
    ]
    duration_s: Annotated[float, Meta(gt=0, description="From pickup to drop-off.")]
    pickup_at: (
        Annotated[
            Time,
            Meta(
                description="When the trip really started: with an offset from UTC, or as clocks in the"
                " city showed it. Absent: as planned.",
            ),
        ]
        | UnsetType
    ) = UNSET

    def to_report(self, predictor: DurationPredictor) -> Report:
        """The outcome as the core knows it.

        Raises:
            InvalidPredictionId: no prediction is called so.
            InvalidBody: the pickup was at no time, at two or beyond the calendar.
        """
        prediction_id = parse_prediction_id(self.prediction_id)
        pickup_at = None
        if self.pickup_at is not UNSET:
            pickup_at = instant_at(self.pickup_at, predictor, pointer="#/pickup_at")
        return Report(prediction_id=prediction_id, duration_s=self.duration_s, pickup_at=pickup_at)


class OutcomeAnswer(Struct, frozen=True, kw_only=True):
    """An outcome is kept for good."""

    prediction_id: str
    state: Annotated[
        State,
        Meta(
            description="`new`; or `known`: the same was reported before; or `early`: its prediction is not"
            " in the log, or not yet."
        ),
    ]

    @classmethod
    def of(cls, reported: Reported) -> "OutcomeAnswer":
        state: State = "known"
        if reported.is_new:
            state = "early" if reported.is_early else "new"
        return cls(prediction_id=reported.outcome.prediction_id, state=state)


class OutcomeBatchBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many trips went."""

    # Read one by one: a wrong one spoils no other.
    outcomes: Annotated[list[Raw], Meta(extra_json_schema={"items": ref(OutcomeBody)})]


class OutcomeBatchAnswer(Struct, frozen=True, kw_only=True):
    """What became of each outcome, in the order in which they were sent."""

    outcomes: Annotated[
        list[Any], Meta(extra_json_schema={"items": {"anyOf": [ref(OutcomeAnswer), ref(ItemProblem)]}})
    ]
    problems: Annotated[int, Meta(ge=0, description="How many of these are problems.")]


@dataclass
class OutcomeBatchOperation(BatchOperation):
    whole = OutcomeBatchBody
    item = OutcomeBody
    answer = OutcomeAnswer


_AN_OUTCOME = OutcomeBody(prediction_id="018df9f3-2e1f-7c53-9d4c-6f0f6b1f0a11", duration_s=1108.0)
_ANOTHER = OutcomeBody(
    prediction_id="018df9f3-31a0-7b0e-8f21-0d3a5c9be5d2",
    duration_s=655.5,
    pickup_at=A_PICKUP_AT + timedelta(minutes=4),
)
_A_CONFLICT = Problem(
    type="/problems/conflicting-outcome",
    title="conflicting outcome",
    status=409,
    detail=f"another outcome of {_AN_OUTCOME.prediction_id} was reported before, and it stands",
)


@post(
    "/v1/outcomes",
    status_code=201,
    operation_id="report-outcome",
    summary="Report how long a trip really took",
    description="What is answered 200, 201 or 202 is committed. Reporting the same again is harmless.",
    tags=["outcomes"],
    response_description="It is kept.",
    responses={
        200: ResponseSpec(
            OutcomeAnswer, description="The same outcome was kept before.", generate_examples=False
        ),
        202: ResponseSpec(
            OutcomeAnswer,
            description="The outcome is kept, and waits for its prediction.",
            generate_examples=False,
        ),
        **problem_responses(400, 409, 413, 415, 422, 500, 503, such_as=[_A_CONFLICT]),
    },
    opt={"scope": Scope.OUTCOMES, "idempotent": True},
)
async def report_outcome(data: JSONBody[OutcomeBody], request: ApiRequest) -> Response[OutcomeAnswer]:
    [answer] = await _answer_each([data], request=request)
    if isinstance(answer, TaxiPredictorError):
        raise answer
    return ApiResponse(answer, status_code=STATUS[answer.state])


@post(
    "/v1/outcomes/batch",
    status_code=200,
    operation_id="report-outcomes",
    operation_class=OutcomeBatchOperation,
    summary="Report how long many trips really took",
    description="Each outcome is kept as by `POST /v1/outcomes`, or has a problem of its own.\n\n"
    "Sent as lines (`application/x-ndjson`), any number of them are answered line by line while they come.",
    tags=["outcomes"],
    response_description="What became of each outcome.",
    responses=problem_responses(400, 413, 415, 422, 500, 503),
    opt={"scope": Scope.OUTCOMES, "streams": LINES, "idempotent": True},
)
async def report_outcomes(request: ApiRequest) -> Response[OutcomeBatchAnswer]:
    answer_each = partial(_answer_each, request=request)
    if request.media_type in LINES:
        return LineResponse(EachLine(OutcomeBody, answer_each))
    batch = await request.read(OutcomeBatchBody, other=NDJSON)
    outcomes = await answer_all(batch.outcomes, OutcomeBody, answer_each, request, name="outcomes")
    problems = sum(isinstance(found, ItemProblem) for found in outcomes)
    return ApiResponse(OutcomeBatchAnswer(outcomes=outcomes, problems=problems))


async def _answer_each(
    bodies: Sequence[OutcomeBody | Invalid], *, request: ApiRequest
) -> list[OutcomeAnswer | TaxiPredictorError]:
    """Keep each of *bodies*, and say in their order what became of it; those refused already stay so.

    Raises:
        Unavailable: none is acknowledged.
    """
    hexagon = request.hexagon
    read = [_report_of(body, hexagon.predictor) for body in bodies]
    reports = [report for report in read if isinstance(report, Report)]
    with timed("log"):
        reported = iter(await hexagon.feedback.report(reports, owner=caller(request.scope).name))
    answers: list[OutcomeAnswer | TaxiPredictorError] = []
    for one in read:
        became = next(reported) if isinstance(one, Report) else one
        answers.append(OutcomeAnswer.of(became) if isinstance(became, Reported) else became)
    return answers


def _report_of(body: OutcomeBody | Invalid, predictor: DurationPredictor) -> Report | Invalid:
    if isinstance(body, Invalid):
        return body
    try:
        return body.to_report(predictor)
    except Invalid as error:
        return error


EXAMPLES: Mapping[type[Struct], Sequence[Struct]] = {
    OutcomeBody: [_AN_OUTCOME, _ANOTHER],
    OutcomeAnswer: [OutcomeAnswer(prediction_id=_AN_OUTCOME.prediction_id, state="new")],
    OutcomeBatchBody: [
        OutcomeBatchBody(outcomes=[Raw(msgspec.json.encode(one)) for one in (_AN_OUTCOME, _ANOTHER)])
    ],
    OutcomeBatchAnswer: [
        OutcomeBatchAnswer(
            outcomes=[
                OutcomeAnswer(prediction_id=_AN_OUTCOME.prediction_id, state="known"),
                OutcomeAnswer(prediction_id=_ANOTHER.prediction_id, state="early"),
            ],
            problems=0,
        )
    ],
}

ROUTES = (report_outcome, report_outcomes)
