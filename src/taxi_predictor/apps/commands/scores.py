"""Scores of a model, as they are shown to a person and told to a program."""

from collections.abc import Mapping

from rich.markup import escape

from taxi_predictor.apps.commands.output import OUT
from taxi_predictor.apps.tables import baselines_table, scores_table, slices_table
from taxi_predictor.domain.evaluation import BaselineScores, Scores

__all__ = ["level_json", "show_scores"]


def show_scores(
    title: str,
    overall: Scores,
    slices: Mapping[str, Scores],
    baselines: Mapping[str, BaselineScores],
) -> None:
    """Print all measures of all trips, the main ones of each slice, and what simple methods did."""
    OUT.print(f"[bold]{escape(title)}[/bold]", highlight=False, soft_wrap=True)
    OUT.print(scores_table(overall))
    OUT.print()
    OUT.print(slices_table(slices))
    if baselines:
        OUT.print()
        OUT.print(baselines_table(baselines))


def level_json(scores: Scores | None) -> Mapping[str, float] | None:
    """What programs are told of answers with a live level; None where it was not asked for."""
    if scores is None:
        return None
    names = ("mae_s", "coverage_80", "bias_s", "width_80_s", "rmse_s")
    return {name: getattr(scores, name) for name in names}
