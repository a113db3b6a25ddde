"""How long will this trip take?"""

from typing import Annotated

from litestar.params import JSONBody, QueryParameter

from taxi_predictor.adapters.http.bodies import PredictionAnswer, PredictionBody
from taxi_predictor.adapters.http.gate.callers import caller
from taxi_predictor.adapters.http.openapi import problem_responses
from taxi_predictor.adapters.http.requests import ApiRequest
from taxi_predictor.adapters.http.responses import post
from taxi_predictor.domain.access import Scope
from taxi_predictor.ports.inbound.answers.recording import Asker

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
    opt={"scope": Scope.PREDICT, "idempotent": True},
)
async def predict(
    data: JSONBody[PredictionBody],
    request: ApiRequest,
    explain: Annotated[bool, QueryParameter(description="Whether to explain the duration.")] = False,
) -> PredictionAnswer:
    predictor = request.hexagon.predictor
    answered = await request.hexagon.answering.answer(
        await data.to_plan(predictor), asker=Asker(caller(request.scope).name, data.reference)
    )
    return PredictionAnswer.of(
        answered.prediction,
        coverage=data.coverage,
        prediction_id=answered.prediction_id,
        logged=answered.is_logged,
        explanation=predictor.explain(answered.prediction) if explain else None,
    )


ROUTES = (predict,)
