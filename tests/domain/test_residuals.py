"""What trips that ended tell of a model: when they ended, where they belong, and how far off it was."""

import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from polars_tables import Polars
from taxi_predictor.adapters.columns.arrays import ARRAYS
from taxi_predictor.adapters.memory.constant_speed import ConstantSpeedModel
from taxi_predictor.domain.arithmetic import SCALAR
from taxi_predictor.domain.distribution import DurationDistribution, ScaledResiduals
from taxi_predictor.domain.level import Ended, stratum
from taxi_predictor.domain.model import BatchEstimate
from taxi_predictor.domain.residuals import ended_by, ended_trips
from taxi_predictor.domain.trip import FinishedTrip
from taxi_predictor.ports.testing.samples import NOON, a_trip, an_artifact

LATER = NOON + timedelta(hours=3)


def estimate(medians_s: Sequence[float], distances_km: Sequence[float]) -> BatchEstimate:
    mu = ARRAYS.log(ARRAYS.column(medians_s))
    residuals = ScaledResiduals((0.1, 0.5, 0.9), (-1.0, 0.0, 1.0))
    features = {
        "distance_km": ARRAYS.column(distances_km),
        "minute_of_day": ARRAYS.column([720.0] * len(medians_s)),
    }
    return BatchEstimate(ARRAYS, DurationDistribution(ARRAYS, mu, 0 * mu + 1, residuals), features)


def test_each_trip_tells_when_it_ended_where_it_belongs_and_how_much_longer_it_took() -> None:
    trips: list[FinishedTrip] = [a_trip(1, duration_s=1200.0), a_trip(2, at=LATER, duration_s=300.0)]
    found = ended_trips(Polars().trip_batch(trips), estimate([600.0, 600.0], [2.0, 9.0]))
    near, far = int(stratum(SCALAR, 2.0, 720.0)), int(stratum(SCALAR, 9.0, 720.0))
    first = Ended(NOON.timestamp() + 1200, near, pytest.approx(math.log(2)))
    assert found == [first, Ended(LATER.timestamp() + 300, far, pytest.approx(-math.log(2)))]
    assert near != far


def test_a_model_is_asked_about_the_trips_as_they_were_known_before_they_began(tmp_path: Path) -> None:
    known = replace(
        an_artifact(tmp_path).manifest,
        features=("distance_km",),
        params={"speed_km_h": 20.0, "sigma": 0.3},
    )
    model, trips = ConstantSpeedModel(known), Polars().trip_batch([a_trip(1), a_trip(2, duration_s=900.0)])
    told = ended_by(model, trips)
    assert told == ended_trips(trips, model.estimate_batch(trips.plans))
    assert told[1].log_residual - told[0].log_residual == pytest.approx(math.log(900 / 600))
