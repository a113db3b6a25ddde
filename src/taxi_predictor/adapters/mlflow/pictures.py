"""Pictures of a model for people who look at its run in MLflow."""

from pathlib import Path

from taxi_predictor.domain.model import Manifest
from taxi_predictor.ports.outbound.models import ModelReport

__all__ = ["draw_pictures"]


def draw_pictures(manifest: Manifest, report: ModelReport, folder: Path) -> None:
    """Write PNG files into *folder*: error and coverage by slice, and how residuals scatter."""
    # Without pyplot there is no global state and no display to ask for.
    from matplotlib.figure import Figure

    names = ["all", *report.slices]
    scores = [report.held_out, *report.slices.values()]

    figure = Figure(figsize=(9, 4), layout="constrained")
    error, coverage = figure.subplots(1, 2, sharey=True)
    error.barh(names, [each.mae_s for each in scores], color="#2c6e8f")
    error.set(title="Mean absolute error on the held-out days", xlabel="seconds")
    error.invert_yaxis()
    coverage.barh(names, [each.coverage_80 for each in scores], color="#c98a2b")
    coverage.axvline(0.8, color="black", linestyle="--")
    coverage.set(title="Trips inside their 80 % interval", xlabel="share", xlim=(0.6, 1.0))
    figure.savefig(folder / "slices.png", dpi=110)

    figure = Figure(figsize=(5, 4), layout="constrained")
    axes = figure.subplots()
    axes.plot(manifest.residuals.values, manifest.residuals.probabilities, color="#2c6e8f")
    axes.axvline(0, color="black", linewidth=0.5)
    axes.set(title="How residuals scatter", xlabel="(ln t - centre) / spread", ylabel="share of trips below")
    figure.savefig(folder / "residuals.png", dpi=110)
