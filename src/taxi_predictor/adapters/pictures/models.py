"""Pictures of a model for people who look at its run in MLflow."""

from pathlib import Path

from taxi_predictor.adapters.pictures.figures import BLUE, DPI, OCHRE, new_figure
from taxi_predictor.domain.model import Manifest
from taxi_predictor.ports.outbound.models import ModelReport

__all__ = ["draw_pictures"]


def draw_pictures(manifest: Manifest, report: ModelReport, folder: Path) -> None:
    """Write PNG files into *folder*: error and coverage by slice, and how residuals scatter."""
    names = ["all", *report.slices]
    scores = [report.held_out, *report.slices.values()]

    figure = new_figure(9, 4)
    error, coverage = figure.subplots(1, 2, sharey=True)
    error.barh(names, [each.mae_s for each in scores], color=BLUE)
    error.set(title="Mean absolute error on the held-out days", xlabel="seconds")
    error.invert_yaxis()
    coverage.barh(names, [each.coverage_80 for each in scores], color=OCHRE)
    coverage.axvline(0.8, color="black", linestyle="--")
    coverage.set(title="Trips inside their 80 % interval", xlabel="share", xlim=(0.6, 1.0))
    figure.savefig(folder / "slices.png", dpi=DPI)

    figure = new_figure(5, 4)
    axes = figure.subplots()
    axes.plot(manifest.residuals.values, manifest.residuals.probabilities, color=BLUE)
    axes.axvline(0, color="black", linewidth=0.5)
    axes.set(title="How residuals scatter", xlabel="(ln t - centre) / spread", ylabel="share of trips below")
    figure.savefig(folder / "residuals.png", dpi=DPI)
