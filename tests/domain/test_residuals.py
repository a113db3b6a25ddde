"""What trips that ended tell of a model: when they ended, where they belong, and how far off it was."""

import math
from collections.abc import Sequence
from datetime import timedelta

import pytest

from taxi_predictor.adapters.columns.arrays import ARRAYS
from taxi_predictor.adapters.memory.tables import table
from taxi_predictor.domain.arithmetic import SCALAR
from taxi_predictor.domain.distribution import DurationDistribution, ScaledResiduals
from taxi_predictor.domain.level import Ended, stratum
from taxi_predictor.domain.model import BatchEstimate
from taxi_predictor.domain.residuals import ended_trips
from taxi_predictor.domain.trip import FinishedTrip
from taxi_predictor.ports.testing.samples import NOON, a_trip
from taxi_predictor.ports.testing.tables import TableMaker

LATER = NOON + timedelta(hours=3)


class Tables(TableMaker):
    table = staticmethod(table)


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
    found = ended_trips(Tables().trip_batch(trips), estimate([600.0, 600.0], [2.0, 9.0]))
    near, far = int(stratum(SCALAR, 2.0, 720.0)), int(stratum(SCALAR, 9.0, 720.0))
    first = Ended(NOON.timestamp() + 1200, near, pytest.approx(math.log(2)))
    assert found == [first, Ended(LATER.timestamp() + 300, far, pytest.approx(-math.log(2)))]
    assert near != far
