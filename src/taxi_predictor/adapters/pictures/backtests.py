"""The picture of a backtest: how errors and coverage went through time."""

from collections.abc import Sequence
from io import BytesIO
from zoneinfo import ZoneInfo

from taxi_predictor.adapters.pictures.figures import BLUE, DPI, GREYS, OCHRE, new_figure
from taxi_predictor.domain.backtest import Fold, FoldResult
from taxi_predictor.domain.evaluation import COVERAGE

__all__ = ["draw_backtest"]


def draw_backtest(measured: Sequence[tuple[Fold, FoldResult]], tz: ZoneInfo) -> bytes:
    """A PNG: MAE of the model and of the baselines at each origin, coverage of the intervals below."""
    figure = new_figure(9, 6)
    errors, coverage = figure.subplots(2, 1, sharex=True, height_ratios=[2, 1])
    origins = [fold.origin.astimezone(tz).replace(tzinfo=None) for fold, _ in measured]
    results = [result for _, result in measured]
    levelled = [result.levelled.scores() if result.levelled else None for result in results]

    for place, name in enumerate(results[0].baselines):
        mae_s = [result.baselines[name].mae_s for result in results]
        errors.plot(origins, mae_s, color=GREYS[place % len(GREYS)], marker=".", label=name)
    errors.plot(origins, [result.scores.mae_s for result in results], color=BLUE, marker="o", label="model")
    coverage.plot(
        origins, [result.scores.coverage_80 for result in results], color=OCHRE, marker="o", label="model"
    )
    if any(levelled):
        label, style = "model, live level", "--"
        errors.plot(origins, [s and s.mae_s for s in levelled], style, color=BLUE, marker="o", label=label)
        coverage.plot(
            origins, [s and s.coverage_80 for s in levelled], style, color=OCHRE, marker="o", label=label
        )

    errors.set(title="Trained at each origin, measured up to the next", ylabel="mean absolute error, seconds")
    errors.set_ylim(bottom=0)
    errors.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    coverage.axhline(COVERAGE, color="black", linestyle="--", linewidth=0.8)
    lowest = min(scores.coverage_80 for scores in (*(r.scores for r in results), *levelled) if scores)
    coverage.set(ylabel="share inside 80 %", ylim=(min(0.5, lowest), 1.0))
    figure.autofmt_xdate()
    picture = BytesIO()
    figure.savefig(picture, dpi=DPI, format="png")
    return picture.getvalue()
