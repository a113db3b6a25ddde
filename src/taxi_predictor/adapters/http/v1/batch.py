"""How long will each of these trips take?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
from litestar import Response, post
from litestar.openapi.spec import OpenAPIMediaType, OpenAPIResponse, Operation, Reference, RequestBody, Schema
from litestar.types import Scope as Connection
from msgspec import UNSET, Meta, Raw, Struct, UnsetType
from msgspec.structs import replace

from taxi_predictor.adapters.http.bodies import DEFAULT_COVERAGE, Coverage, PredictionAnswer, PredictionBody
from taxi_predictor.adapters.http.decoding import InvalidBody, decode
from taxi_predictor.adapters.http.examples import EXAMPLES as USUAL
from taxi_predictor.adapters.http.formats import Format, sent_as
from taxi_predictor.adapters.http.hexagon import Hexagon
from taxi_predictor.adapters.http.items import GROUP_TRIPS, BatchTripBody, answer_each
from taxi_predictor.adapters.http.lines import MAX_LINE_BYTES, NDJSON, Line, LineAnswers, LineResponse
from taxi_predictor.adapters.http.openapi import problem_responses
from taxi_predictor.adapters.http.problems import FieldProblem, Problem, problem_of
from taxi_predictor.adapters.http.requests import ApiRequest
from taxi_predictor.adapters.http.responses import ApiResponse
from taxi_predictor.domain.access import Scope
from taxi_predictor.domain.errors import Invalid, TaxiPredictorError, TooMuch, Unavailable

__all__ = ["EXAMPLES", "ROUTES", "BatchAnswer", "BatchBody", "TripProblem"]

LINES = (NDJSON, "application/jsonl")


def _ref(body: type[Struct]) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{body.__name__}"}


class BatchBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Trips that have not started."""

    # Read one by one: a wrong one spoils no other.
    trips: Annotated[list[Raw], Meta(extra_json_schema={"items": _ref(BatchTripBody)})]
    coverage: Coverage = DEFAULT_COVERAGE


class TripProblem(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Why one trip is not answered."""

    problem: Problem
    line: (
        Annotated[
            int, Meta(ge=1, description="Where it stood, of lines; absent: from here on nothing is answered.")
        ]
        | UnsetType
    ) = UNSET


class BatchAnswer(Struct, frozen=True, kw_only=True):
    """What became of each trip, in the order of the trips."""

    # msgspec writes a union of two structs, but describes none.
    predictions: Annotated[
        list[Any], Meta(extra_json_schema={"items": {"anyOf": [_ref(PredictionAnswer), _ref(TripProblem)]}})
    ]
    problems: Annotated[int, Meta(ge=0, description="How many of them are problems.")]


@dataclass
class BatchOperation(Operation):
    """Says that trips may come, and are then answered, as lines."""

    def __post_init__(self) -> None:
        whole, trip, answer, problem = (
            Reference(ref=_ref(body)["$ref"])
            for body in (BatchBody, BatchTripBody, PredictionAnswer, TripProblem)
        )
        self.request_body = RequestBody(
            required=True,
            content={
                Format.JSON.value: OpenAPIMediaType(schema=whole),
                NDJSON: OpenAPIMediaType(schema=trip),
            },
        )
        success = (self.responses or {})["200"]
        if isinstance(success, OpenAPIResponse) and success.content is not None:
            success.content[NDJSON] = OpenAPIMediaType(schema=Schema(any_of=[answer, problem]))


@post(
    "/v1/predictions/batch",
    status_code=200,
    operation_id="predict-batch",
    operation_class=BatchOperation,
    summary="Predict how long many trips will take",
    description="Each is answered as by `POST /v1/predictions`, or is a problem of its own.\n\n"
    "Sent as lines (`application/x-ndjson`), any number of trips are answered line by line while they come.",
    tags=["predictions"],
    response_description="A prediction or a problem for each trip.",
    responses=problem_responses(400, 413, 415, 422, 500, 503),
    opt={"scope": Scope.PREDICT, "streams": LINES, "idempotent": True},
)
async def predict_batch(request: ApiRequest) -> Response[BatchAnswer]:
    hexagon, media_type = request.hexagon, request.media_type
    if media_type in LINES:
        return LineResponse(TripLines(hexagon, request.scope))
    batch = await request.read(BatchBody, other=NDJSON)
    if len(batch.trips) > request.options.max_items:
        raise TooMuch(
            f"{len(batch.trips):,} trips; at most {request.options.max_items:,} are answered at once,"
            f" and as {NDJSON} as many as you like"
        )
    form = sent_as(media_type)
    predictions: list[PredictionAnswer | TripProblem] = []
    for first in range(0, len(batch.trips), GROUP_TRIPS):
        trips = [_trip(content, form) for content in batch.trips[first : first + GROUP_TRIPS]]
        outcomes = await answer_each(trips, hexagon, coverage=batch.coverage, connection=request.scope)
        for number, outcome in enumerate(outcomes, first):
            predictions.append(
                TripProblem(problem=_within(outcome, number)) if isinstance(outcome, Invalid) else outcome
            )
    problems = sum(isinstance(found, TripProblem) for found in predictions)
    return ApiResponse(BatchAnswer(predictions=predictions, problems=problems))


def _trip(content: bytes | Raw, form: Format) -> BatchTripBody | Invalid:
    try:
        return decode(content, BatchTripBody, form)
    except Invalid as error:
        return error


def _within(error: Invalid, number: int) -> Problem:
    """The problem of one of a batch's trips, which says where it is in the batch."""
    inner = error.pointer.removeprefix("#") if isinstance(error, InvalidBody) else ""
    return replace(
        problem_of(error), errors=[FieldProblem(pointer=f"#/trips/{number}{inner}", message=str(error))]
    )


class TripLines(LineAnswers):
    """A prediction or a problem for each line."""

    def __init__(self, hexagon: Hexagon, connection: Connection) -> None:
        self._hexagon = hexagon
        self._connection = connection
        self._has_answered = False

    async def __call__(self, lines: Sequence[Line], /) -> bytes:
        """Answer *lines*.

        Raises:
            Unavailable: no prediction can be made, and none was.
        """
        outcomes: Sequence[PredictionAnswer | TaxiPredictorError]
        try:
            outcomes = await answer_each(
                [_trip_of(line) for line in lines],
                self._hexagon,
                coverage=DEFAULT_COVERAGE,
                connection=self._connection,
            )
        except Unavailable as error:
            if not self._has_answered:
                raise
            outcomes = [error] * len(lines)
        self._has_answered = True
        return _ENCODER.encode_lines(
            outcome
            if isinstance(outcome, PredictionAnswer)
            else TripProblem(problem=problem_of(outcome), line=line.number)
            for line, outcome in zip(lines, outcomes, strict=True)
        )

    def give_up(self, error: TaxiPredictorError, /) -> bytes:
        return _ENCODER.encode_lines([TripProblem(problem=problem_of(error))])


def _trip_of(line: Line) -> BatchTripBody | Invalid:
    if line.content is None:
        return TooMuch(f"the line is longer than {MAX_LINE_BYTES:,} bytes")
    return _trip(line.content, Format.JSON)


_ENCODER = msgspec.json.Encoder()

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
    TripProblem: [TripProblem(problem=_PROBLEM)],
    BatchAnswer: [
        BatchAnswer(
            predictions=[*USUAL[PredictionAnswer], TripProblem(problem=_PROBLEM)],
            problems=1,
        )
    ],
}

ROUTES = (predict_batch,)
