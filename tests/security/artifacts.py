"""Artifacts as whoever can write to a registry makes them: nothing on them says that they are not ours."""

from pathlib import Path
from typing import Any

from taxi_predictor.adapters.lightgbm.artifact import ENGINE, write_manifest
from taxi_predictor.domain.distribution import ScaledResiduals
from taxi_predictor.domain.features import FEATURE_NAMES
from taxi_predictor.domain.model import Manifest
from taxi_predictor.ports.testing.samples import NOON, SPLIT
from taxi_predictor.ports.testing.strategies import A_CITY

__all__ = ["a_manifest", "reseal"]


def reseal(folder: Path, **changes: Any) -> None:
    """Let a manifest in *folder*, with *changes*, have the digests of the files that are there."""
    write_manifest(folder, a_manifest(**changes))


def a_manifest(**changes: Any) -> Manifest:
    usual: dict[str, Any] = {
        "engine": ENGINE,
        "city": A_CITY,
        "features": FEATURE_NAMES,
        "residuals": ScaledResiduals((0.005, 0.5, 0.995), (-2.5, 0.0, 3.0)),
        "split": SPLIT,
        "trips": 2_000,
        "sources": ("tlc-green",),
        "fingerprint": "0" * 64,
        "seed": 0,
        "params": {},
        "created_at": NOON,
        "code_version": "0.0.0",
    }
    return Manifest(**usual | changes)
