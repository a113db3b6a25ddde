"""What is told of a registered model."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any

from msgspec import Meta, Struct

from taxi_predictor.ports.outbound.registry import Alias, RegisteredModel

__all__ = [
    "BaselineAnswer",
    "CheckAnswer",
    "ModelDetail",
    "ModelSummary",
    "ModelsAnswer",
    "ScoresAnswer",
    "VerdictAnswer",
]

Shares = Annotated[float, Meta(description="A share, from 0 to 1.")]


class ScoresAnswer(Struct, frozen=True, kw_only=True):
    """How good it is on trips that it has not seen; errors are predicted minus actual."""

    n: Annotated[int, Meta(description="How many trips.")]
    mae_s: float
    rmse_s: float
    mape: Shares
    rmsle: float
    r2: Annotated[float | None, Meta(description="Null if all trips last equally long.")]
    bias_s: float
    within_5_min: Shares
    pinball_s: Annotated[float, Meta(description="Mean loss of the 10, 50 and 90 % quantiles.")]
    coverage_80: Annotated[float, Meta(description="The share of durations inside the 80 % interval.")]
    width_80_s: Annotated[float, Meta(description="The average width of that interval.")]


class VerdictAnswer(Struct, frozen=True, kw_only=True):
    """Whether it may be promoted without an override, and what spoke for or against it."""

    passed: bool
    reasons: list[str]


class ModelSummary(Struct, frozen=True, kw_only=True):
    """One version in short."""

    version: int
    aliases: list[Alias]
    registered_at: Annotated[datetime, Meta(tz=True)]
    city: str
    trained_until: Annotated[datetime, Meta(tz=True, description="It learned from trips before this.")]
    trips: Annotated[int, Meta(description="How many it learned from.")]
    sources: list[str]
    simulated: Annotated[bool, Meta(description="Whether some of the trips it learned from were simulated.")]
    held_out: ScoresAnswer
    verdict: VerdictAnswer

    @classmethod
    def of(cls, model: RegisteredModel) -> "ModelSummary":
        return cls(**_summary(model))


class ModelsAnswer(Struct, frozen=True, kw_only=True):
    models: Annotated[list[ModelSummary], Meta(description="All versions, oldest first.")]


class BaselineAnswer(Struct, frozen=True, kw_only=True):
    """What a simple method did on the same trips."""

    mae_s: float
    lift: Annotated[float, Meta(description="The share by which the model's MAE is lower.")]


class CheckAnswer(Struct, frozen=True, kw_only=True):
    """One question that it was asked before it could serve."""

    name: str
    passed: bool
    detail: str


class ModelDetail(ModelSummary, frozen=True, kw_only=True):
    """One version with all that is kept of it."""

    engine: str
    code_version: str
    created_at: Annotated[datetime, Meta(tz=True)]
    fingerprint: Annotated[str, Meta(description="Names the trips it learned from.")]
    slices: Annotated[dict[str, ScoresAnswer], Meta(description="Scores of some of those trips.")]
    baselines: dict[str, BaselineAnswer]
    checks: list[CheckAnswer]
    parameters: dict[str, str | int | float]
    importance: Annotated[
        dict[str, float], Meta(description="Each feature's share of the gain of all splits.")
    ]

    @classmethod
    def of(cls, model: RegisteredModel) -> "ModelDetail":
        manifest, report = model.manifest, model.report
        return cls(
            **_summary(model),
            engine=manifest.engine,
            code_version=manifest.code_version,
            created_at=manifest.created_at,
            fingerprint=manifest.fingerprint,
            slices={name: ScoresAnswer(**asdict(scores)) for name, scores in report.slices.items()},
            baselines={name: BaselineAnswer(**asdict(scores)) for name, scores in report.baselines.items()},
            checks=[CheckAnswer(**asdict(check)) for check in report.verdict.checks],
            parameters=dict(manifest.params),
            importance=dict(manifest.importance),
        )


def _summary(model: RegisteredModel) -> dict[str, Any]:
    manifest, report = model.manifest, model.report
    return {
        "version": model.version,
        "aliases": [alias for alias in Alias if alias in model.aliases],
        "registered_at": model.registered_at,
        "city": manifest.city.name,
        "trained_until": manifest.split.held_out_from.astimezone(manifest.city.tz),
        "trips": manifest.trips,
        "sources": list(manifest.sources),
        "simulated": manifest.is_simulated,
        "held_out": ScoresAnswer(**asdict(report.held_out)),
        "verdict": VerdictAnswer(passed=report.verdict.passed, reasons=list(report.verdict.reasons)),
    }
