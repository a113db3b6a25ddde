"""A manifest says where a model comes from."""

from collections.abc import Mapping
from dataclasses import FrozenInstanceError, replace
from datetime import UTC, datetime

import pytest

from taxi_predictor.domain.distribution import ScaledResiduals
from taxi_predictor.domain.features import FEATURE_NAMES
from taxi_predictor.domain.model import ARTIFACT_FORMAT, SIMULATION, Manifest
from taxi_predictor.domain.split import TimeSplit
from taxi_predictor.ports.testing.strategies import A_CITY

NO_PARAMS: Mapping[str, str | int | float] = {}
A_MANIFEST = Manifest(
    engine="constant-speed",
    city=A_CITY,
    features=FEATURE_NAMES,
    residuals=ScaledResiduals((0.1, 0.9), (-1.0, 1.0)),
    split=TimeSplit(
        fit_from=datetime(2024, 1, 1, tzinfo=UTC),
        validate_from=datetime(2024, 2, 1, tzinfo=UTC),
        held_out_from=datetime(2024, 3, 1, tzinfo=UTC),
        until=datetime(2024, 3, 15, tzinfo=UTC),
    ),
    trips=12_345,
    sources=("tlc-green", "tlc-yellow"),
    fingerprint="0" * 64,
    seed=1,
    params=NO_PARAMS,
    created_at=datetime(2024, 3, 16, tzinfo=UTC),
    code_version="0.1.0",
)


@pytest.mark.parametrize(
    ("sources", "is_simulated"),
    [
        ((), False),
        (("tlc-green",), False),
        ((SIMULATION,), True),
        (("tlc-green", SIMULATION), True),
        (("simulation-of-tlc",), False),
    ],
)
def test_a_model_that_saw_any_simulated_trip_is_labelled(
    sources: tuple[str, ...], is_simulated: bool
) -> None:
    assert replace(A_MANIFEST, sources=sources).is_simulated is is_simulated


def test_a_manifest_is_of_the_format_that_this_code_serves() -> None:
    assert A_MANIFEST.format == ARTIFACT_FORMAT
    assert dict(A_MANIFEST.files) == {}


def test_a_manifest_cannot_be_changed_only_replaced() -> None:
    with pytest.raises(FrozenInstanceError):
        A_MANIFEST.seed = 2  # type: ignore[misc] # that is the point
    assert replace(A_MANIFEST, seed=2) != A_MANIFEST
    assert replace(A_MANIFEST) == A_MANIFEST
