"""What a look at live models shows a person."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from math import exp
from zoneinfo import ZoneInfo

from rich.table import Table

from taxi_predictor.apps.tables import plain_table
from taxi_predictor.domain.bands import FEWEST_TRIPS
from taxi_predictor.domain.live import ALL, LiveMeasures, LiveReport, VersionState
from taxi_predictor.domain.reference import Measure

__all__ = ["facts", "live_tables"]

MOST_DRIFTED = 5


def facts(report: LiveReport, tz: ZoneInfo) -> Iterator[str]:
    """What is said in a line each."""
    champion = "no champion" if report.champion is None else f"version {report.champion} is the champion"
    yield f"Looked at {report.looked_at.astimezone(tz):%Y-%m-%d %H:%M}: {champion}"
    if report.data_age_s is not None:
        yield f"The newest stored trip was picked up {_span(report.data_age_s)} ago"
    if report.outcome_delay_s:
        quantiles = ", ".join(
            f"{quantile:.0%} within {_span(delay_s)}" for quantile, delay_s in report.outcome_delay_s.items()
        )
        yield f"Outcomes of the last day were reported after the end: {quantiles}"
    level = report.level.level
    if level is not None:
        factor = f"{exp(level.city):.2f}, by {level.trips:,} trips"
        yield f"The live level is {'on' if report.level.is_on else 'off'}: times {factor}"
    else:
        yield "There is no live level"
    if not report.measures:
        yield "No prediction was answered"


def live_tables(report: LiveReport) -> Iterator[Table]:
    for (version, window), measures in groupby(report.measures, lambda one: (one.version, one.window)):
        who = f"Version {version}" if version.isdecimal() else f"Without a model, by {version}"
        yield measures_table(f"{who}, over {window}", measures)
    for state in report.versions:
        if state.bands:
            yield bands_table(state)
        if state.drift:
            yield drift_table(state)


def measures_table(title: str, measures: Iterable[LiveMeasures]) -> Table:
    """All trips, and the slices of which there are enough.

    It fits into 80 columns with counts of seven digits, and with names as long as that of Staten Island.
    """
    numbers = ("ended", "MAE\ns", "est.\ns", "RMSE\ns", "bias\ns", "in\n80 %", "in\n5 min", "asked")
    table = plain_table(title, "slice", *numbers, numbers=numbers)
    table.padding = (0, 1, 0, 0)
    for column in table.columns:
        column.no_wrap = column.header in numbers
    for one in measures:
        scores = one.scores
        if one.slice != ALL and (scores is None or scores.n < FEWEST_TRIPS):
            table.caption = f"Slices of fewer than {FEWEST_TRIPS} trips are in --json only"
            continue
        shown: Sequence[str] = ("0", "-", "-", "-", "-", "-")
        if scores is not None:
            shown = (
                f"{scores.n:,}",
                f"{scores.mae_s:.1f}",
                f"{scores.rmse_s:.1f}",
                f"{scores.bias_s:+.1f}",
                f"{scores.coverage_80:.1%}",
                f"{scores.within_5_min:.1%}",
            )
        trips, mae, *others = shown
        expected = "-" if one.expected_mae_s is None else f"{one.expected_mae_s:.1f}"
        table.add_row(one.slice, trips, mae, expected, *others, f"{one.answered:,}")
    return table


def bands_table(state: VersionState) -> Table:
    columns = ("now", "give or take", "from", "to", "trips")
    title = f"Bands of version {state.version}, over {state.window}"
    table = plain_table(title, "measure", *columns, "stands", numbers=columns)
    standings = {standing.measure: standing for standing in state.standings}
    for measure, band in state.bands.items():
        form = "{:.1%}" if measure is Measure.COVERAGE else "{:.1f}"
        bounds = (form.format(band.lower), form.format(band.upper))
        found = standings.get(measure)
        if found is None:
            table.add_row(measure, "-", "-", *bounds, "0", "no trip has ended")
            continue
        stands = "[red]out[/red]" if found.is_out else "in" if found.is_enough else "too few trips"
        values = (form.format(found.value), form.format(found.error))
        table.add_row(measure, *values, *bounds, f"{found.trips:,}", stands)
    return table


def drift_table(state: VersionState) -> Table:
    columns = ("PSI", "moved by", "trips")
    title = f"What version {state.version} is asked, against what it learned from, over {state.window}"
    table = plain_table(title, "feature", *columns, numbers=columns)
    for found in state.drift[:MOST_DRIFTED]:
        table.add_row(
            found.feature, f"{found.psi:.3f}", f"{found.wasserstein:.2f} deviations", f"{found.trips:,}"
        )
    if any(found.trips < FEWEST_TRIPS for found in state.drift):
        table.caption = f"With fewer than {FEWEST_TRIPS} trips it is mostly chance"
    return table


def _span(seconds: float) -> str:
    for unit, length_s in (("days", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= length_s * 1.5:
            return f"{seconds / length_s:.0f} {unit}"
    return f"{seconds:.0f} s"
