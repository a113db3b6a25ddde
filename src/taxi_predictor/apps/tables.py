"""What the commands show a person."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from math import exp
from zoneinfo import ZoneInfo

from rich.markup import escape
from rich.table import Table

from taxi_predictor.domain.access import ApiKey
from taxi_predictor.domain.comparables import Comparables
from taxi_predictor.domain.evaluation import BaselineScores, Scores
from taxi_predictor.domain.explanation import Explanation
from taxi_predictor.domain.level import LiveLevel
from taxi_predictor.domain.strata import DISTANCE_NAMES, PART_NAMES, PARTS_OF_DAY
from taxi_predictor.domain.verdict import Check
from taxi_predictor.ports.inbound.backtesting import BacktestReport
from taxi_predictor.ports.inbound.history import Difference
from taxi_predictor.ports.inbound.intake import IngestReport
from taxi_predictor.ports.inbound.stock import StoredTrips
from taxi_predictor.ports.outbound.journal import Entry
from taxi_predictor.ports.outbound.models import Alias, RegisteredModel

__all__ = [
    "backtest_table",
    "baselines_table",
    "checks_table",
    "difference_tables",
    "explanation_table",
    "ingest_table",
    "journal_table",
    "keys_table",
    "level_table",
    "models_table",
    "plain_table",
    "rejects_table",
    "scores_table",
    "similar_table",
    "slices_table",
    "stored_table",
]


LONGEST_BAR = 20
MOST_SIMILAR = 5


def plain_table(title: str, *columns: str, numbers: Sequence[str] = ()) -> Table:
    """One without a frame, whose columns of *numbers* are aligned to the right."""
    table = Table(title=title or None, title_justify="left", header_style="bold", box=None, pad_edge=False)
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


def stored_table(stored: StoredTrips) -> Table:
    table = plain_table("Stored trips", "source", "month", "trips", numbers=("trips",))
    for count in stored.trips:
        table.add_row(count.family, f"{count.month:%Y-%m}", f"{count.trips:,}")
    table.add_row("all", "", f"{sum(count.trips for count in stored.trips):,}")
    return table


def rejects_table(stored: StoredTrips) -> Table:
    table = plain_table("In quarantine", "reason", "source", "rows", numbers=("rows",))
    totals: dict[tuple[str, str], int] = {}
    for count in stored.rejects:
        key = (count.reason, count.part.family)
        totals[key] = totals.get(key, 0) + count.rows
    for (reason, family), rows in sorted(totals.items()):
        table.add_row(reason, family, f"{rows:,}")
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


def replay_table(without: Scores, levelled: Scores) -> Table:
    columns = ("without", "with it")
    table = plain_table("With the live level replayed", "measure", *columns, numbers=columns)
    for name, field, written in (
        ("MAE", "mae_s", "{:.1f} s"),
        ("RMSE", "rmse_s", "{:.1f} s"),
        ("bias (predicted - actual)", "bias_s", "{:+.1f} s"),
        ("inside the 80 % interval", "coverage_80", "{:.1%}"),
        ("width of that interval", "width_80_s", "{:.0f} s"),
    ):
        table.add_row(name, *(written.format(getattr(scores, field)) for scores in (without, levelled)))
    return table


def backtest_table(report: BacktestReport, tz: ZoneInfo) -> Table:
    """One row per measured origin; the lift is over the baseline that was best there."""
    results = [each.result for each in report.measured]
    has_level = any(result.levelled for result in results)
    columns = (
        "trips",
        "MAE\ns",
        *(("live\nlevel",) if has_level else ()),
        *(name.replace(" ", "\n") for name in results[0].baselines),
        "lift",
        "in\n80 %",
        "width\ns",
        "bias\ns",
    )
    table = plain_table(
        "Trained at each origin, measured up to the next", "origin", *columns, numbers=columns
    )
    table.padding = (0, 1, 0, 0)  # many columns, and a terminal may be 80 wide
    origins = [each.fold.origin.astimezone(tz) for each in report.measured]
    written = "%Y-%m" if all(origin.day == 1 for origin in origins) else "%Y-%m-%d"
    for origin, result in zip(origins, results, strict=True):
        scores, levelled = result.scores, result.levelled.scores() if result.levelled else None
        baselines = result.baselines.values()
        table.add_row(
            origin.strftime(written),
            f"{scores.n:,}",
            f"{scores.mae_s:.1f}",
            *((f"{levelled.mae_s:.1f}",) if levelled else ()),
            *(f"{known.mae_s:.1f}" for known in baselines),
            f"{min((known.lift for known in baselines), default=0.0):+.1%}",
            f"{scores.coverage_80:.1%}",
            f"{scores.width_80_s:.0f}",
            f"{scores.bias_s:+.0f}",
        )
    return table


def checks_table(checks: Sequence[Check]) -> Table:
    table = plain_table("Checks", "check", "", "what was found")
    for check in checks:
        table.add_row(check.name, "passed" if check.passed else "refused", check.detail)
    return table


def models_table(models: Sequence[RegisteredModel]) -> Table:
    table = plain_table(
        "Models",
        "version",
        "is",
        "trained until",
        "trips",
        "from",
        "held-out MAE s",
        "verdict",
        numbers=("version", "trips", "held-out MAE s"),
    )
    for model in models:
        verdict = model.report.verdict
        table.add_row(
            str(model.version),
            ", ".join(alias for alias in Alias if alias in model.aliases),
            f"{model.manifest.split.held_out_from.astimezone(model.manifest.city.tz):%Y-%m-%d}",
            f"{model.manifest.trips:,}",
            ", ".join(model.manifest.sources),
            f"{model.report.held_out.mae_s:.1f}",
            "passed" if verdict.passed else f"refused: {'; '.join(verdict.reasons)}",
        )
    return table


def journal_table(entries: Sequence[Entry], tz: ZoneInfo) -> Table:
    table = plain_table("Journal", "when", "who", "what", "version", "why", numbers=("version",))
    for entry in entries:
        when = f"{entry.at.astimezone(tz):%Y-%m-%d %H:%M}"
        table.add_row(when, escape(entry.actor), entry.deed, str(entry.version), escape(entry.reason))
    return table


def keys_table(keys: Sequence[ApiKey], now: datetime, tz: ZoneInfo) -> Table:
    table = plain_table("API keys", "id", "name", "scopes", "created", "expires", "state")
    for key in keys:
        created, expires = (
            f"{at.astimezone(tz):%Y-%m-%d %H:%M}" if at else "never"
            for at in (key.created_at, key.expires_at)
        )
        scopes = ", ".join(sorted(key.scopes))
        table.add_row(key.id, key.name, scopes, created, expires, key.state(now))
    return table


def difference_tables(difference: Difference) -> Sequence[Table]:
    versions = (f"version {difference.before}", f"version {difference.after}")
    facts = plain_table("What differs", "what", *versions)
    for name, (before, after) in {**difference.facts, **difference.params}.items():
        facts.add_row(name, escape(str(before)), escape(str(after)))
    for name in difference.features_added:
        facts.add_row(f"feature {name}", "", "added")
    for name in difference.features_removed:
        facts.add_row(f"feature {name}", "", "removed")
    numbers = (*versions, "change")
    scores = plain_table(
        "Scores on the held-out trips of each", "trips", "measure", *numbers, numbers=numbers
    )
    for group, changes in difference.scores.items():
        for name, change in changes.items():
            values = ("-" if v is None else f"{v:,.4g}" for v in (change.before, change.after))
            relative = "" if change.relative is None else f"{change.relative:+.1%}"
            scores.add_row(group, name, *values, relative)
    return facts, scores


def explanation_table(explanation: Explanation) -> Table:
    """The usual trip first, then what each cause makes of it, then what comes out."""
    table = plain_table("Why", "cause", "factor", "minutes", "", numbers=("factor", "minutes"))
    table.add_row("the usual trip", "", f"{explanation.usual_s / 60:.1f}", "")
    longest_s = max((abs(part.seconds) for part in explanation.parts), default=0.0) or 1.0
    for part in sorted(explanation.parts, key=lambda part: -abs(part.seconds)):
        sign = "+" if part.seconds > 0 else "-"
        bar = sign * round(LONGEST_BAR * abs(part.seconds) / longest_s)
        table.add_row(part.cause, f"x {part.factor:.2f}", f"{part.seconds / 60:+.1f}", bar)
    table.add_row("this trip", "", f"{explanation.duration_s / 60:.1f}", "")
    return table


def similar_table(comparables: Comparables, tz: ZoneInfo) -> Table:
    """The few that come first."""
    numbers = ("minutes", "pickup km away", "drop-off km away", "unlike by km")
    table = plain_table("Similar trips", "left", *numbers, numbers=numbers)
    for found in comparables.trips[:MOST_SIMILAR]:
        table.add_row(
            f"{found.trip.plan.pickup_at.astimezone(tz):%a %Y-%m-%d %H:%M}",
            f"{found.trip.duration_s / 60:.1f}",
            f"{found.pickup_km:.2f}",
            f"{found.dropoff_km:.2f}",
            f"{found.score:.2f}",
        )
    return table


def level_table(level: LiveLevel) -> Table:
    table = plain_table("Trips take so many times as long as usual", "", *PART_NAMES, numbers=PART_NAMES)
    for number, name in enumerate(DISTANCE_NAMES):
        values = level.strata[number * PARTS_OF_DAY : (number + 1) * PARTS_OF_DAY]
        table.add_row(name, *(f"{exp(value):.2f}" for value in values))
    return table
