"""What the drift drill writes: docs/drift.md."""

from collections.abc import Mapping, Sequence
from zoneinfo import ZoneInfo

from drift_picture import MonthOfDrift

from taxi_predictor.domain.reference import Band, Measure
from taxi_predictor.ports.outbound.journal import Entry

__all__ = ["page_of", "table_of"]


def table_of(title: str, months: Sequence[MonthOfDrift]) -> str:
    lines = [
        f"## {title}",
        "",
        "| month | trips | MAE s | estimated | bias s | coverage | looks | MAE out | bias out | cov. out |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
        *(
            f"| {each.month:%Y-%m} | {each.trips:,} | {each.mae_s:.1f} | {each.expected_mae_s:.1f}"
            f" | {each.bias_s:+.0f} | {each.coverage:.1%} | {each.looks}"
            + "".join(f" | {each.alarms[measure]}" for measure in Measure)
            + " |"
            for each in months
        ),
        "",
    ]
    return "\n".join(lines)


def page_of(
    bands: Mapping[Measure, Band],
    months: Mapping[str, Sequence[MonthOfDrift]],
    journal: Sequence[Entry],
    tz: ZoneInfo,
) -> str:
    """The page: *months* with the live level off, on, and with retrainings, whose *journal* it is."""
    return "\n".join(
        [
            "# The drift drill",
            "",
            "Written by `make drill-drift`. A model that learned from yellow taxis up to September 2019",
            "answers every trip of the sample from October 2019 on; each is logged, and reported at its end.",
            "`monitor` looks every midnight, at the last seven days ([how](watching.md)).",
            "*Out* is in how many looks a measure had left its band. *Estimated* is the MAE that the",
            "predicted distributions say to expect, before any outcome.",
            "",
            "The bands came with the model: "
            + ", ".join(
                f"{measure} {band.lower:.1%} to {band.upper:.1%}"
                if measure is Measure.COVERAGE
                else f"{measure} {band.lower:.0f} to {band.upper:.0f} s"
                for measure, band in bands.items()
            )
            + ".",
            "",
            "![Error, bias and coverage by month, over their bands](drift.png)",
            "",
            table_of("As it is", months["off"]),
            table_of("With the live level", months["on"]),
            table_of("With retrainings on the last 28 days, from February 2020 on", months["retrained"]),
            "What the journal says of that:",
            "",
            *(
                f"- {entry.at.astimezone(tz):%Y-%m-%d}, version {entry.version}: {entry.deed}"
                + ("" if entry.deed == "promoted" else f", {shortened(entry.reason)}")
                for entry in journal
            ),
            "",
        ]
    )


def shortened(reason: str) -> str:
    return reason if len(reason) < 200 else reason[:200].rsplit("; ", 1)[0] + "; ..."
