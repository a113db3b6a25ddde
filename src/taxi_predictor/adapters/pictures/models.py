"""Pictures of a model for people who look at its run in MLflow."""

from pathlib import Path
from typing import TYPE_CHECKING

from taxi_predictor.adapters.pictures.figures import BLUE, DPI, GREYS, OCHRE, new_figure
from taxi_predictor.domain.curves import LEVELS
from taxi_predictor.domain.explanation import CAUSE_OF
from taxi_predictor.domain.model import Manifest
from taxi_predictor.ports.outbound.registry import ModelReport

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["draw_pictures"]

JUDGED_TRIPS = 500
"""Slices of fewer are not judged by the gate."""


def draw_pictures(manifest: Manifest, report: ModelReport, folder: Path) -> None:
    """Write PNG files into *folder*; what an earlier release did not measure is left out."""
    _slices(report).savefig(folder / "slices.png", dpi=DPI)
    _residuals(manifest).savefig(folder / "residuals.png", dpi=DPI)
    if report.calibration:
        _calibration(report).savefig(folder / "calibration.png", dpi=DPI)
    if report.mae_by_hour_s:
        _hours(report).savefig(folder / "hours.png", dpi=DPI)
    if manifest.importance:
        _importance(manifest).savefig(folder / "importance.png", dpi=DPI)
    if report.baselines:
        _baselines(report).savefig(folder / "baselines.png", dpi=DPI)


def _slices(report: ModelReport) -> "Figure":
    scores = {"all": report.held_out, **report.slices}
    # What is not judged for want of trips is pale.
    pale = [1.0 if each.n >= JUDGED_TRIPS else 0.4 for each in scores.values()]
    names = [f"{name} ({each.n:,})" for name, each in scores.items()]
    figure = new_figure(10, 1.2 + 0.28 * len(names))
    error, coverage = figure.subplots(1, 2, sharey=True)
    for place, (each, alpha) in enumerate(zip(scores.values(), pale, strict=True)):
        error.barh(place, each.mae_s, color=BLUE, alpha=alpha)
        coverage.barh(place, each.coverage_80, color=OCHRE, alpha=alpha)
    error.set_yticks(range(len(names)), names)
    error.set(title="Mean absolute error on the held-out days", xlabel="seconds")
    error.invert_yaxis()
    coverage.axvline(0.8, color="black", linestyle="--")
    coverage.set(title="Trips inside their 80 % interval", xlabel="share", xlim=(0.5, 1.0))
    return figure


def _residuals(manifest: Manifest) -> "Figure":
    figure = new_figure(5, 4)
    axes = figure.subplots()
    axes.plot(manifest.residuals.values, manifest.residuals.probabilities, color=BLUE)
    axes.axvline(0, color="black", linewidth=0.5)
    axes.set(title="How residuals scatter", xlabel="(ln t - centre) / spread", ylabel="share of trips below")
    return figure


def _calibration(report: ModelReport) -> "Figure":
    figure = new_figure(5, 5)
    axes = figure.subplots()
    axes.plot((0, 1), (0, 1), color="black", linestyle="--", linewidth=0.8, label="honest")
    axes.plot(LEVELS, report.calibration, color=OCHRE, marker="o", markersize=3, label="held-out trips")
    axes.set(
        title="How often each quantile holds",
        xlabel="probability that was promised",
        ylabel="share of trips that ended within it",
        xlim=(0, 1),
        ylim=(0, 1),
    )
    axes.legend(frameon=False)
    return figure


def _hours(report: ModelReport) -> "Figure":
    figure = new_figure(8, 3.5)
    axes = figure.subplots()
    measured = [(hour, mae_s) for hour, mae_s in enumerate(report.mae_by_hour_s) if mae_s is not None]
    axes.bar([hour for hour, _ in measured], [mae_s for _, mae_s in measured], color=BLUE)
    axes.set(
        title="Mean absolute error by hour of departure",
        xlabel="hour of the local day",
        ylabel="seconds",
        xlim=(-0.6, 23.6),
    )
    axes.set_xticks(range(0, 24, 3))
    return figure


def _importance(manifest: Manifest) -> "Figure":
    """By feature, and by what the explanation of a prediction calls them."""
    by_cause: dict[str, float] = {}
    for name, share in manifest.importance.items():
        for cause in CAUSE_OF[name]:
            by_cause[cause] = by_cause.get(cause, 0.0) + share / len(CAUSE_OF[name])
    figure = new_figure(10, 1.2 + 0.26 * len(manifest.importance))
    left, right = figure.subplots(1, 2)
    for axes, shares, title in (
        (left, by_cause, "What splits gained, by cause"),
        (right, manifest.importance, "by feature"),
    ):
        ranked = sorted(shares.items(), key=lambda item: item[1])
        axes.barh([str(name) for name, _ in ranked], [share for _, share in ranked], color=BLUE)
        axes.set(title=title, xlabel="share")
    return figure


def _baselines(report: ModelReport) -> "Figure":
    errors_s = {
        **{name: each.mae_s for name, each in report.baselines.items()},
        "the model": report.held_out.mae_s,
    }
    figure = new_figure(7, 1.2 + 0.35 * len(errors_s))
    axes = figure.subplots()
    bars = axes.barh(list(errors_s), list(errors_s.values()), color=GREYS[0])
    bars[len(errors_s) - 1].set_color(BLUE)
    axes.bar_label(bars, fmt="%.0f s", padding=3)
    axes.set(title="Mean absolute error beside simple methods", xlabel="seconds")
    axes.set_xlim(0, max(errors_s.values()) * 1.12)
    axes.invert_yaxis()
    return figure
