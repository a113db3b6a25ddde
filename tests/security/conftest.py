"""What is attacked, as other tests have it: a small model, and the HTTP face over a core in memory."""

from collections.abc import Iterator
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from security.artifacts import reseal
from taxi_predictor.adapters.columns.speeds import SPEEDS_FILE, SpeedProfile
from taxi_predictor.adapters.lightgbm.artifact import CENTRE_FILE, SPREAD_FILE
from taxi_predictor.adapters.lightgbm.engine import lightgbm
from taxi_predictor.domain.features import FEATURE_NAMES


def _face() -> Any:
    """The module of fixtures for the HTTP face; its folder is called as a package of Python's."""
    spec = spec_from_file_location("http_face", Path(__file__).parents[1] / "http" / "conftest.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


FACE = _face()
serve, operator = FACE.serve, FACE.operator


@pytest.fixture(scope="session")
def client() -> Iterator[Any]:
    with FACE.serving() as usual:
        yield usual


ZONES = ("pickup_zone", "dropoff_zone")


def _grown(objective: str, leaves: int, offset: float, *, by_zone: bool = False) -> lightgbm.Booster:
    rng = np.random.default_rng(leaves)
    rows = rng.normal(size=(300, len(FEATURE_NAMES)))
    params = {"verbosity": -1, "num_threads": 1, "objective": objective, "num_leaves": leaves, "seed": 1}
    answers = offset + 0.1 * rows[:, :6].sum(axis=1)
    if by_zone:
        for name in ZONES:
            zones = rng.integers(1, 264, size=len(rows))
            rows[:, FEATURE_NAMES.index(name)] = zones
            answers += 0.2 * (zones % 7)
        params |= {"min_data_in_leaf": 2, "min_data_per_group": 2, "cat_smooth": 1}
    data = lightgbm.Dataset(
        rows,
        answers,
        feature_name=list(FEATURE_NAMES),
        categorical_feature=list(ZONES) if by_zone else [],
        params={"verbosity": -1},
    )
    return lightgbm.train(params, data, num_boost_round=4)


@pytest.fixture(scope="session")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a model that may serve."""
    return _sealed(tmp_path_factory.mktemp("sound"), by_zone=False)


@pytest.fixture(scope="session")
def sound_by_zone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same of one whose trees take zones for categories."""
    return _sealed(tmp_path_factory.mktemp("by-zone"), by_zone=True)


def _sealed(folder: Path, *, by_zone: bool) -> Path:
    _grown("l1", 7, 6.5, by_zone=by_zone).save_model(folder / CENTRE_FILE)
    _grown("quantile", 3, 0.4, by_zone=by_zone).save_model(folder / SPREAD_FILE)
    (folder / SPEEDS_FILE).write_bytes(SpeedProfile.of_speed(20.0).to_json())
    reseal(folder)
    return folder
