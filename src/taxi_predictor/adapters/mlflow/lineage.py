"""What a run in MLflow shows of a model beside its files: where it comes from and how good it is."""

import re
from dataclasses import asdict

from taxi_predictor.domain.card import model_card
from taxi_predictor.domain.model import Manifest
from taxi_predictor.ports.outbound.registry import ModelReport

__all__ = ["card", "metrics", "tags"]


def card(manifest: Manifest, report: ModelReport) -> str:
    return model_card(
        manifest,
        held_out=report.held_out,
        slices=report.slices,
        baselines=report.baselines,
        verdict=report.verdict,
    )


def tags(manifest: Manifest, report: ModelReport) -> dict[str, str]:
    return {
        "city": manifest.city.name,
        "sources": ", ".join(manifest.sources),
        "simulated": str(manifest.is_simulated).lower(),
        "trained_from": manifest.split.fit_from.isoformat(),
        "trained_until": manifest.split.held_out_from.isoformat(),
        "held_out_until": manifest.split.until.isoformat(),
        "data_fingerprint": manifest.fingerprint,
        "code_version": manifest.code_version,
        "features": ", ".join(manifest.features),
        "trips": str(manifest.trips),
        "seed": str(manifest.seed),
        "format": str(manifest.format),
        "artifact": report.verdict.artifact,
        "verdict": "passed" if report.verdict.passed else "refused",
        **{f"check/{check.name}": "pass" if check.passed else "fail" for check in report.verdict.checks},
    }


def metrics(report: ModelReport) -> dict[str, float]:
    found = asdict(report.held_out)
    for name, scores in report.slices.items():
        found |= {f"{name}/{metric}": value for metric, value in asdict(scores).items()}
    for name, baseline in report.baselines.items():
        found |= {f"baseline {name}/{metric}": value for metric, value in asdict(baseline).items()}
    # MLflow takes few signs in a name, but a borough or a baseline may be called anything.
    return {re.sub(r"[^\w./ -]", "_", name): value for name, value in found.items() if value is not None}
