"""What several commands show a person; a table of one stands with it."""

from collections.abc import Mapping, Sequence

from rich.table import Table

from taxi_predictor.domain.evaluation import BaselineScores, Scores
from taxi_predictor.domain.verdict import Check
from taxi_predictor.ports.inbound.trips.intake import IngestReport

__all__ = ["baselines_table", "checks_table", "ingest_table", "plain_table", "scores_table", "slices_table"]


def plain_table(title: str, *columns: str, numbers: Sequence[str] = ()) -> Table:
    """One without a frame, whose columns of *numbers* are aligned to the right."""
    table = Table(
        title=title or None,
        title_justify="left",
        caption_justify="left",
        header_style="bold",
        box=None,
        pad_edge=False,
    )
    for column in columns:
        table.add_column(column, justify="right" if column in numbers else "left")
    return table


def ingest_table(report: IngestReport, *, title: str = "Ingested") -> Table:
    table = plain_table(title, "rows", "what became of them", numbers=("rows",))
    table.add_row(f"{report.read:,}", "read")
    table.add_row(f"{report.added:,}", "added")
    table.add_row(f"{report.known:,}", "known already")
    for reason, rows in report.rejected.items():
        table.add_row(f"{rows:,}", f"rejected: {reason}")
    if report.ambiguous_times:
        table.add_row(f"{report.ambiguous_times:,}", "of them in an hour that happens twice")
    return table


def scores_table(scores: Scores) -> Table:
    table = plain_table("", "measure", "value", numbers=("value",))
    table.add_row("trips", f"{scores.n:,}")
    table.add_row("MAE", f"{scores.mae_s:.1f} s")
    table.add_row("RMSE", f"{scores.rmse_s:.1f} s")
    table.add_row("MAPE", f"{scores.mape:.1%}")
    table.add_row("RMSLE", f"{scores.rmsle:.4f}")
    table.add_row("R2", "-" if scores.r2 is None else f"{scores.r2:.3f}")
    table.add_row("bias (predicted - actual)", f"{scores.bias_s:+.1f} s")
    table.add_row("within 5 min", f"{scores.within_5_min:.1%}")
    table.add_row("pinball loss", f"{scores.pinball_s:.1f} s")
    table.add_row("inside the 80 % interval", f"{scores.coverage_80:.1%}")
    table.add_row("width of that interval", f"{scores.width_80_s:.0f} s")
    return table


def slices_table(slices: Mapping[str, Scores]) -> Table:
    columns = ("n", "MAE s", "bias s", "MAPE", "inside 80 %", "width s")
    table = plain_table("By slice", "trips", *columns, numbers=columns)
    for name, scores in slices.items():
        table.add_row(
            name,
            f"{scores.n:,}",
            f"{scores.mae_s:.1f}",
            f"{scores.bias_s:+.1f}",
            f"{scores.mape:.1%}",
            f"{scores.coverage_80:.1%}",
            f"{scores.width_80_s:.0f}",
        )
    return table


def baselines_table(baselines: Mapping[str, BaselineScores]) -> Table:
    table = plain_table("Against simple methods", "method", "MAE s", "model is better by", numbers=("MAE s",))
    for name, scores in baselines.items():
        table.add_row(name, f"{scores.mae_s:.1f}", f"{scores.lift:+.1%}")
    return table


def checks_table(checks: Sequence[Check]) -> Table:
    table = plain_table("Checks", "check", "", "what was found")
    for check in checks:
        table.add_row(check.name, "passed" if check.passed else "refused", check.detail)
    return table
