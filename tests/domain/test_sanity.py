"""Each probe finds the nonsense that it is there to find, and a sensible model passes them all."""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
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
from taxi_predictor.domain.verdict import Check

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


# --- what is said, and where the bounds are ---


def found(formula: Formula, plans: Sequence[TripPlan] = PLANS[:1], *, rays: int = 1) -> dict[str, Check]:
    return {check.name: check for check in probe(FormulaModel(formula), plans, rays=rays)}


def test_each_probe_says_how_much_it_asked_and_what_it_found() -> None:
    said = {name: check.detail for name, check in found(sensible, PLANS, rays=50).items()}
    steps = re.search(r"([\d,]+) steps along", said["rays"])
    assert steps is not None
    assert said == {
        "finite": "30 of 30 answers are finite, positive and in order",
        "speed": "0 of 30 answers are faster than 130 km/h",
        "tiny distances": "from a place to itself or 50 m on: 120 to 129 s, 100% at most 30 min",
        "rays": f"0.00% of {steps[1]} steps along 50 rays are more than 5% shorter than the step before",
        "clock edges": "the largest jump at a midnight, month or year end is 0.00%",
        "FIFO": "leaving five minutes later arrives earlier in 0 of 5,740 steps",
        "years": "2,000 of 2,000 trips of the years 2000 to 2099 are answered",
    }
    assert 50 * 5 < int(steps[1].replace(",", "")) <= 50 * 11


def test_one_answer_that_is_no_duration_is_too_many() -> None:
    far = max(great_circle_of(plan) for plan in PLANS)
    one = found(lambda km, at: math.inf if km >= far - 1e-9 else sensible(km, at), PLANS)
    assert not one["finite"].passed
    assert one["finite"].detail == "29 of 30 answers are finite, positive and in order"
    assert not {check.name: check for check in probe(Crossed(sensible), PLANS[:1], rays=1)}["finite"].passed


def great_circle_of(plan: TripPlan) -> float:
    a, b = plan.pickup.point, plan.dropoff.point
    return great_circle_km(SCALAR, a.lat_deg, a.lon_deg, b.lat_deg, b.lon_deg)


class Crossed(FormulaModel):
    """Its quantiles fall while probabilities rise."""

    def estimate(
        self, plans: Sequence[TripPlan], /, *, level: LiveLevel | None = None
    ) -> Sequence[DurationDistribution[float]]:
        return [replace(one, sigma=-0.3) for one in super().estimate(plans, level=level)]


@pytest.mark.parametrize(("share", "is_fast"), [(0.999, True), (1.0, False)])
def test_a_car_may_be_as_fast_as_the_fastest_and_no_faster(share: float, is_fast: bool) -> None:
    check = found(lambda km, at: share * max(km / 130 * 3600, 60.0))["speed"]
    assert check.passed is not is_fast
    assert check.detail.startswith("1 of 1" if is_fast else "0 of 1")


@pytest.mark.parametrize(
    ("seconds", "passed"), [(59.9, False), (60.0, True), (1799.9, True), (1800.1, False)]
)
def test_next_door_a_trip_takes_its_minute_and_half_an_hour_at_most(seconds: float, passed: bool) -> None:
    assert found(lambda km, at: seconds)["tiny distances"].passed is passed


@pytest.mark.parametrize(("odd", "passed"), [(3, True), (4, False)])
def test_from_one_place_of_ten_tiny_trips_may_be_long(odd: int, passed: bool) -> None:
    # Two questions for each of thirty places: six of sixty are a tenth.
    late = {plan.pickup_at for plan in PLANS[:odd]}
    slow = found(lambda km, at: 3600.0 if at in late and km < 1 else sensible(km, at), PLANS)[
        "tiny distances"
    ]
    assert slow.passed is passed
    assert slow.detail.endswith(f"120 to 3600 s, {1 - odd / 30:.0%} at most 30 min")


@pytest.mark.parametrize(("shorter", "passed"), [(0.94, False), (0.96, True)])
def test_farther_may_take_a_little_less_but_not_much(shorter: float, passed: bool) -> None:
    rays = found(lambda km, at: 1000 * shorter ** round(km), rays=20)["rays"]
    assert rays.passed is passed
    assert rays.detail.startswith("0.00%" if passed else "100.00%")


@pytest.mark.parametrize("day", [(1, 1), (2, 1), (3, 1), (7, 1), (7, 4), (9, 15), (11, 1), (12, 25)])
@pytest.mark.parametrize("year", [2023, 2024])
def test_a_jump_at_any_of_the_midnights_is_found(day: tuple[int, int], year: int) -> None:
    def jumps(by: float) -> Check:
        return found(lambda km, at: 600 * (by if (at.year, at.month, at.day) == (year, *day) else 1))[
            "clock edges"
        ]

    assert jumps(1.09).passed
    assert not jumps(1.11).passed
    assert jumps(1.11).detail == "the largest jump at a midnight, month or year end is 11.00%"


def test_clocks_are_asked_a_second_before_midnight_and_a_second_after() -> None:
    asked = Asked(sensible)
    probe(asked, PLANS[:1], rays=1)
    independence_day = datetime(2023, 7, 4, tzinfo=CITY.tz).astimezone(UTC)
    near = {
        plan.pickup_at for plan in asked.plans if abs(plan.pickup_at - independence_day) < timedelta(hours=1)
    }
    assert near == {independence_day - timedelta(seconds=1), independence_day + timedelta(seconds=1)}


@pytest.mark.parametrize(("overtaken_s", "passed"), [(299.0, True), (300.0, True), (301.0, False)])
def test_who_leaves_five_minutes_later_may_arrive_at_the_same_time(overtaken_s: float, passed: bool) -> None:
    begin = PLANS[0].pickup_at
    fifo = found(lambda km, at: 3600.0 - overtaken_s * (at == begin + timedelta(minutes=5 * 287)))["FIFO"]
    assert fifo.passed is passed
    assert fifo.detail.endswith(f"in {0 if passed else 1} of 287 steps")


@pytest.mark.parametrize(
    "moment",
    [PLANS[0].pickup_at + timedelta(minutes=5), PLANS[1].pickup_at + timedelta(minutes=5 * 287)],
    ids=["of the first", "of the second"],
)
def test_who_is_overtaken_on_any_of_the_trips_is_found(moment: datetime) -> None:
    fifo = found(lambda km, at: 3600.0 - 301 * (at == moment), PLANS[:2])["FIFO"]
    assert not fifo.passed
    assert fifo.detail.endswith("in 1 of 574 steps")


class Vanishing(FormulaModel):
    """Its durations are too short for a number."""

    def estimate(
        self, plans: Sequence[TripPlan], /, *, level: LiveLevel | None = None
    ) -> Sequence[DurationDistribution[float]]:
        return [replace(one, mu=-800.0) for one in super().estimate(plans, level=level)]


def test_half_a_second_is_a_duration_and_nothing_is_none() -> None:
    half = found(lambda km, at: 0.5)
    assert half["finite"].passed
    assert half["years"].passed
    assert half["clock edges"].passed
    nothing = {check.name: check for check in probe(Vanishing(sensible), PLANS[:1], rays=0)}
    assert not nothing["finite"].passed
    assert not nothing["years"].passed
    assert not nothing["clock edges"].passed
    assert nothing["clock edges"].detail.endswith("is inf%")


def test_what_is_no_duration_on_either_side_of_a_midnight_is_a_jump() -> None:
    christmas = ((12, 24), (12, 25))
    never = found(lambda km, at: math.inf if (at.month, at.day) in christmas else 600.0)
    assert not never["clock edges"].passed
    unknown = found(lambda km, at: math.nan if (at.month, at.day) in christmas else 600.0)
    assert not unknown["clock edges"].passed


@pytest.mark.parametrize("year", [2000, 2042, 2099])
def test_a_year_that_is_not_known_is_found(year: int) -> None:
    years = found(lambda km, at: math.inf if at.year == year else 600.0)["years"]
    assert not years.passed
    assert years.detail.startswith("99 of 100 trips")


def test_without_trips_to_begin_at_nothing_can_be_asked_along_rays() -> None:
    checks = found(sensible, PLANS[:1], rays=0)
    assert checks["rays"].passed
    assert checks["rays"].detail.startswith("0.00% of 0 steps along 0 rays")


def rays_of(plans: Sequence[TripPlan], rays: int) -> list[TripPlan]:
    """Where the rays from *plans* lead."""
    asked = Asked(sensible)
    probe(asked, plans, rays=rays)
    own = {plan.dropoff for plan in plans}
    return [plan for plan in asked.plans if plan.dropoff not in own and great_circle_of(plan) > 0.9]


def test_rays_lead_into_all_directions_kilometre_by_kilometre() -> None:
    rays = rays_of(PLANS[:1], 300)
    assert [round(great_circle_of(plan)) for plan in rays] == list(range(1, 13)) * 300
    sectors = {int(bearing_of(plan) // (math.pi / 8)) for plan in rays}
    assert sectors == set(range(16))


def bearing_of(plan: TripPlan) -> float:
    a, b = plan.pickup.point, plan.dropoff.point
    east = (b.lon_deg - a.lon_deg) * math.cos(math.radians(a.lat_deg))
    return math.atan2(east, b.lat_deg - a.lat_deg) % (2 * math.pi)


def test_rays_end_where_the_city_does_and_are_the_same_each_time() -> None:
    corner = replace(PLANS[0], pickup=Place(Point(40.93, -73.68)))
    rays = rays_of([corner], 40)
    assert 0 < len(rays) < 40 * 12
    assert all(plan.dropoff.point in CITY.bounds for plan in rays)
    assert rays == rays_of([corner], 40)


class Asked(FormulaModel):
    """Keeps what it was asked."""

    def __init__(self, formula: Formula) -> None:
        super().__init__(formula)
        self.plans: list[TripPlan] = []

    def estimate(
        self, plans: Sequence[TripPlan], /, *, level: LiveLevel | None = None
    ) -> Sequence[DurationDistribution[float]]:
        self.plans.extend(plans)
        return super().estimate(plans, level=level)
