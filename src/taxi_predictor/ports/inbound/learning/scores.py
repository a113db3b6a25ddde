"""Counting how far off a model is, whoever wants to know: its judge, an evaluation, a backtest, a replay."""

from collections.abc import Sequence

from taxi_predictor.domain.curves import Curves
from taxi_predictor.domain.evaluation import Evaluation
from taxi_predictor.domain.level import LiveLevel
from taxi_predictor.domain.model import DurationModel
from taxi_predictor.domain.trip import TripBatch
from taxi_predictor.ports.outbound.baselines import Baseline

__all__ = ["score"]


def score(
    evaluation: Evaluation,
    model: DurationModel,
    batch: TripBatch,
    baselines: Sequence[Baseline] = (),
    *,
    level: LiveLevel | None = None,
    curves: Curves | None = None,
) -> None:
    """Count the answers of *model* at *level*, and of *baselines* beside it, on one batch."""
    estimate = model.estimate_batch(batch.plans, level=level)
    actual_s = estimate.m.column(batch.table.get_column("duration_s"))
    evaluation.add(actual_s, estimate)
    if curves is not None:
        curves.add(actual_s, estimate)
    for baseline in baselines:
        predicted_s = baseline.duration_s(batch.plans)
        evaluation.add_baseline(baseline.name, actual_s, predicted_s, estimate.m)
