"""Each probe finds the nonsense that it is there to find, and a sensible model passes them all."""

import math
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import pytest

from taxi_predictor.apps.cities import load_city
from taxi_predictor.domain.arithmetic import SCALAR
from taxi_predictor.domain.distribution import DurationDistribution, ScaledResiduals
from taxi_predictor.domain.explanation import Cause, Explanation
from taxi_predictor.domain.level import LiveLevel
from taxi_predictor.domain.model import BatchEstimate, DurationModel, Manifest
from taxi_predictor.domain.place import Place, Point, great_circle_km
from taxi_predictor.domain.sanity import probe
from taxi_predictor.domain.split import TimeSplit
from taxi_predictor.domain.trip import PlanBatch, TripPlan

CITY = load_city("new-york")
START = datetime(2023, 1, 1, tzinfo=UTC)
MANIFEST = Manifest(
    engine="formula",
    city=CITY,
    features=("distance_km",),
    residuals=ScaledResiduals((0.1, 0.5, 0.9), (-1.0, 0.0, 1.0)),
    split=TimeSplit(
        fit_from=START,
        validate_from=START + timedelta(days=60),
        held_out_from=START + timedelta(days=70),
        until=START + timedelta(days=80),
    ),
    trips=1_000,
    sources=("sample",),
    fingerprint="",
    seed=0,
    params={},
    created_at=START,
    code_version="0",
)
PLANS = [
    TripPlan(
        pickup=Place(Point(40.70 + 0.004 * number, -73.99)),
        dropoff=Place(Point(40.76, -73.97 + 0.004 * number)),
        pickup_at=START + timedelta(days=70, hours=number),
    )
    for number in range(30)
]

Formula = Callable[[float, datetime], float]
"""Seconds by distance in km and local departure."""


class FormulaModel(DurationModel):
    manifest = MANIFEST

    def __init__(self, formula: Formula) -> None:
        self._formula = formula

    def estimate(
        self, plans: Sequence[TripPlan], /, *, level: LiveLevel | None = None
    ) -> Sequence[DurationDistribution[float]]:
        return [
            DurationDistribution(SCALAR, math.log(self._seconds(plan)), 0.3, MANIFEST.residuals)
            for plan in plans
        ]

    def estimate_batch(self, plans: PlanBatch, /, *, level: LiveLevel | None = None) -> BatchEstimate:
        raise AssertionError("probes ask for single trips")

    def explain(self, plan: TripPlan, /, *, level: LiveLevel | None = None) -> Explanation:
        return Explanation.of(math.log(self._seconds(plan)), {Cause.DISTANCE: 0.0})

    def _seconds(self, plan: TripPlan) -> float:
        a, b = plan.pickup.point, plan.dropoff.point
        distance_km = great_circle_km(SCALAR, a.lat_deg, a.lon_deg, b.lat_deg, b.lon_deg)
        return self._formula(distance_km, plan.pickup_at.astimezone(CITY.tz))


def sensible(distance_km: float, at: datetime) -> float:
    return 120 + 180 * distance_km


NONSENSE: dict[str, Formula] = {
    "finite": lambda km, at: math.inf if km > 5 else sensible(km, at),
    "speed": lambda km, at: 60 + km,
    "tiny distances": lambda km, at: sensible(km, at) + 7200 * math.exp(-10 * km),
    "rays": lambda km, at: sensible(km, at) * (0.5 if int(km) % 3 == 2 else 1),
    "clock edges": lambda km, at: sensible(km, at) * (1.3 if at.month == 1 else 1),
    "FIFO": lambda km, at: sensible(km, at) + (1800 if at.minute < 30 else 0),
    "years": lambda km, at: sensible(km, at) if at.year < 2080 else math.inf,
}


def test_a_sensible_model_passes() -> None:
    assert [check.name for check in probe(FormulaModel(sensible), PLANS, rays=50)] == list(NONSENSE)
    assert all(check.passed for check in probe(FormulaModel(sensible), PLANS, rays=50))


@pytest.mark.parametrize("name", NONSENSE)
def test_nonsense_is_found_by_the_probe_for_it(name: str) -> None:
    checks = probe(FormulaModel(NONSENSE[name]), PLANS, rays=50)
    [found] = [check for check in checks if check.name == name]
    assert not found.passed, found.detail


def test_the_same_model_gets_the_same_report() -> None:
    model = FormulaModel(NONSENSE["rays"])
    assert probe(model, PLANS, rays=50) == probe(model, PLANS, rays=50)
