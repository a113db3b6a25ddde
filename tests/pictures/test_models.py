"""Pictures are drawn of what was measured, and of nothing else."""

from dataclasses import replace
from pathlib import Path

import pytest

from taxi_predictor.adapters.pictures.models import draw_pictures
from taxi_predictor.domain.curves import LEVELS
from taxi_predictor.domain.evaluation import BaselineScores
from taxi_predictor.ports.outbound.registry import ModelReport
from taxi_predictor.ports.testing.samples import a_report, an_artifact

FULL = replace(
    a_report(),
    calibration=LEVELS,
    mae_by_hour_s=(None, *[100.0 + hour for hour in range(23)]),
    baselines={"seed's forest": BaselineScores(mae_s=240.0, lift=0.1)},
)
ALWAYS = {"slices.png", "residuals.png"}


@pytest.mark.parametrize(
    ("report", "importance", "drawn"),
    [
        (
            FULL,
            {"distance_km": 0.7, "midpoint_lat_deg": 0.3},
            {"calibration", "hours", "baselines", "importance"},
        ),
        (replace(a_report(), baselines={}), {}, set()),
        (replace(FULL, slices={}, baselines={}), {}, {"calibration", "hours"}),
    ],
    ids=["all", "of an earlier release", "without slices"],
)
def test_what_was_measured_is_drawn(
    tmp_path: Path, report: ModelReport, importance: dict[str, float], drawn: set[str]
) -> None:
    manifest = replace(an_artifact(tmp_path).manifest, importance=importance)
    (tmp_path / "drawn").mkdir()
    draw_pictures(manifest, report, tmp_path / "drawn")
    pictures = list((tmp_path / "drawn").iterdir())
    assert {picture.name for picture in pictures} == ALWAYS | {f"{name}.png" for name in drawn}
    assert all(picture.read_bytes().startswith(b"\x89PNG") for picture in pictures)
