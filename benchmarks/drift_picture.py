"""The picture of a city that changed: what a model's errors did, month by month, and who noticed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from io import BytesIO

from taxi_predictor.adapters.pictures.figures import BLUE, DPI, GREYS, OCHRE, new_figure
from taxi_predictor.domain.reference import Band, Measure

__all__ = ["MonthOfDrift", "draw_drift"]

STYLES = ("-", "--")


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthOfDrift:
    """What came of the trips that were reported in a month."""

    month: date
    trips: int
    mae_s: float
    bias_s: float
    coverage: float
    expected_mae_s: float
    """What the predicted distributions had said of the error."""
    looks: int
    alarms: Mapping[Measure, int]
    """In how many of these looks each measure was out of its band."""

    def value(self, measure: Measure) -> float:
        return {Measure.MAE: self.mae_s, Measure.BIAS: self.bias_s, Measure.COVERAGE: self.coverage}[measure]


def draw_drift(runs: Mapping[str, Sequence[MonthOfDrift]], bands: Mapping[Measure, Band]) -> bytes:
    """A PNG: error, bias and coverage of one or two runs by name, each over its band.

    Where a measure was out of its band at some look its point is filled.
    """
    figure = new_figure(9, 8)
    rows = figure.subplots(3, 1, sharex=True)
    words = {
        Measure.MAE: "mean absolute error, seconds",
        Measure.BIAS: "predicted minus actual, seconds",
        Measure.COVERAGE: "share inside 80 %",
    }
    for axes, (measure, what) in zip(rows, words.items(), strict=True):
        colour = OCHRE if measure is Measure.COVERAGE else BLUE
        axes.axhspan(bands[measure].lower, bands[measure].upper, color=GREYS[0], alpha=0.35, label="band")
        for style, (name, months) in zip(STYLES, runs.items(), strict=False):
            names = [f"{each.month:%Y-%m}" for each in months]
            values = [each.value(measure) for each in months]
            axes.plot(names, values, style, color=colour, label=name)
            for place, each in zip(names, months, strict=True):
                is_out = each.alarms.get(measure, 0) > 0
                axes.plot(
                    place, each.value(measure), "o", color=colour, fillstyle="full" if is_out else "none"
                )
        axes.set_ylabel(what)
    if runs:
        name, months = next(iter(runs.items()))
        expected = [each.expected_mae_s for each in months]
        names = [f"{each.month:%Y-%m}" for each in months]
        rows[0].plot(names, expected, ":", color=GREYS[3], label=f"{name}, estimated beforehand")
    rows[0].set_ylim(bottom=0)
    rows[0].set_title("A model of September 2019, watched; filled points: an alarm in that month")
    rows[0].legend(loc="lower left", ncols=2, fontsize="small")
    rows[-1].tick_params(axis="x", rotation=60)
    picture = BytesIO()
    figure.savefig(picture, dpi=DPI, format="png")
    return picture.getvalue()
