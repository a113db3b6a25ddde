"""Which models are there, and which of them serves?"""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated

from litestar.params import JSONBody, PathParameter
from msgspec import Struct
from msgspec.structs import asdict

from taxi_predictor.adapters.http.decoding import patterned
from taxi_predictor.adapters.http.examples import AN_UNKNOWN_PARAMETER
from taxi_predictor.adapters.http.gate.callers import caller
from taxi_predictor.adapters.http.openapi import problem_responses
from taxi_predictor.adapters.http.requests import ApiRequest
from taxi_predictor.adapters.http.responses import get, post
from taxi_predictor.adapters.http.v1.model_answers import (
    BaselineAnswer,
    CheckAnswer,
    ModelDetail,
    ModelsAnswer,
    ModelSummary,
    ScoresAnswer,
    VerdictAnswer,
)
from taxi_predictor.domain.access import Scope
from taxi_predictor.domain.errors import UnknownModel
from taxi_predictor.domain.model import ModelVersion
from taxi_predictor.ports.inbound.models.versions import WhichModel
from taxi_predictor.ports.outbound.registry import Alias

__all__ = ["EXAMPLES", "ROUTES", "PromotionBody"]

TAGS = ["models"]
ADMIN = {"scope": Scope.ADMIN}

Which = Annotated[str, PathParameter(description="A version's number, champion or latest.")]


Line = Annotated[
    str,
    patterned(
        r"^[^\x00-\x1f]*[^\x00-\x20][^\x00-\x1f]*$",
        "an override is one line, and not a blank one",
        max_length=1_000,
        description="Promote against the verdict for this reason, one line; the journal keeps it.",
    ),
]


class PromotionBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """How to promote."""

    override: Line | None = None


@get(
    "/v1/models",
    operation_id="models",
    summary="List the registered models",
    tags=TAGS,
    response_description="All versions, oldest first.",
    responses=problem_responses(422, 500, 503, such_as=[AN_UNKNOWN_PARAMETER]),
    opt=ADMIN,
)
async def models(request: ApiRequest) -> ModelsAnswer:
    return ModelsAnswer(models=[ModelSummary.of(model) for model in await request.hexagon.lifecycle.models()])


@get(
    "/v1/models/{version:str}",
    operation_id="model",
    summary="Show all that is kept of a model",
    tags=TAGS,
    response_description="The version.",
    responses=problem_responses(404, 422, 500, 503, such_as=[AN_UNKNOWN_PARAMETER]),
    opt=ADMIN,
)
async def model(version: Which, request: ApiRequest) -> ModelDetail:
    return ModelDetail.of(await request.hexagon.history.model(_which(version)))


@post(
    "/v1/models/{version:str}/promote",
    status_code=200,
    operation_id="promote",
    summary="Let a model serve",
    description="Refused unless the model passed its judgement, or an override says why it may serve."
    " Whoever answers on this machine does so by it from the next request on.",
    tags=TAGS,
    response_description="It serves.",
    responses=problem_responses(400, 404, 409, 413, 415, 422, 500, 503),
    opt=ADMIN,
)
async def promote(
    version: Which,
    request: ApiRequest,
    data: JSONBody[PromotionBody | None] = None,
) -> ModelSummary:
    promoted = await request.hexagon.lifecycle.promote(
        _which(version), override=data.override if data else None, actor=caller(request.scope).name
    )
    return ModelSummary.of(promoted)


@post(
    "/v1/models/rollback",
    status_code=200,
    operation_id="rollback",
    summary="Let the previous model serve again",
    tags=TAGS,
    response_description="It serves.",
    responses=problem_responses(404, 409, 422, 500, 503, such_as=[AN_UNKNOWN_PARAMETER]),
    opt=ADMIN,
)
async def rollback(request: ApiRequest) -> ModelSummary:
    return ModelSummary.of(await request.hexagon.lifecycle.rollback(actor=caller(request.scope).name))


def _which(text: str) -> WhichModel:
    """The version that a path names.

    Raises:
        UnknownModel: it is no name of any.
    """
    match text:
        case "champion" | "latest" as name:
            return name
    if not re.fullmatch("[1-9][0-9]{0,8}", text):
        raise UnknownModel("a model is named by the number of its version, champion or latest")
    return ModelVersion(int(text))


_SUMMARY = ModelSummary(
    version=3,
    aliases=[Alias.CHAMPION],
    registered_at=datetime(2024, 3, 1, 9, 12, tzinfo=UTC),
    city="new-york",
    trained_until=datetime.fromisoformat("2024-02-15T00:00:00-05:00"),
    trips=56_832,
    sources=["tlc-green"],
    simulated=False,
    held_out=ScoresAnswer(
        n=5_120,
        mae_s=248.2,
        rmse_s=401.7,
        mape=0.242,
        rmsle=0.291,
        r2=0.71,
        bias_s=-38.4,
        within_5_min=0.734,
        pinball_s=82.6,
        coverage_80=0.794,
        width_80_s=703.0,
    ),
    verdict=VerdictAnswer(passed=True, reasons=["56,832 training trips"]),
)

EXAMPLES: Mapping[type[Struct], Sequence[Struct]] = {
    PromotionBody: [PromotionBody(), PromotionBody(override="The marathon closes the bridges on Sunday.")],
    ModelsAnswer: [ModelsAnswer(models=[_SUMMARY])],
    ModelSummary: [_SUMMARY],
    ModelDetail: [
        ModelDetail(
            **asdict(_SUMMARY),
            engine="lightgbm",
            code_version="0.1.0",
            created_at=datetime(2024, 3, 1, 9, 11, tzinfo=UTC),
            fingerprint="9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
            slices={"night": _SUMMARY.held_out},
            baselines={"shrunk lookup": BaselineAnswer(mae_s=301.9, lift=0.178)},
            checks=[CheckAnswer(name="training-trips", passed=True, detail="56,832 training trips")],
            parameters={"num_leaves": 63, "learning_rate": 0.05},
            importance={"distance_km": 0.81, "minute_of_week": 0.07},
        )
    ],
}

ROUTES = (models, model, promote, rollback)
