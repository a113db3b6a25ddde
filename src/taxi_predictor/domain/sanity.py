"""Does a model make sense where no trip can say so? Probed along rays, clocks and edges."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from math import cos, inf, isfinite, pi, radians, sin

from taxi_predictor.domain.arithmetic import SCALAR
from taxi_predictor.domain.departures import fastest_s
from taxi_predictor.domain.features import KM_PER_DEG
from taxi_predictor.domain.model import DurationModel
from taxi_predictor.domain.place import Place, Point, great_circle_km
from taxi_predictor.domain.trip import TripPlan
from taxi_predictor.domain.verdict import Check

__all__ = ["probe"]

RAYS = 1_000
RAY_STEP_KM = 1.0
RAY_STEPS = 12
SHORTER = 0.05
"""By how much a step farther may shorten the time before it counts as strange."""
MAX_STRANGE_STEPS = 0.01
MAX_JUMP = 0.10
TINY_KM = 0.05
MAX_TINY_S = 1800.0
MIN_TINY_SHARE = 0.9
CLOCK_PLACES = 20
LEVELS = (0.001, 0.1, 0.5, 0.9, 0.999)
FIRST_YEAR, LAST_YEAR = 2000, 2099


def probe(model: DurationModel, plans: Sequence[TripPlan], *, rays: int = RAYS) -> list[Check]:
    """Ask *model* what no trip answers, beginning at *plans*, which are trips of its city.

    The same model and plans give the same report.
    """
    rng = random.Random(1)  # noqa: S311 # probes, not secrets
    return [
        _is_finite(model, plans),
        _is_no_faster(model, plans),
        _is_sensible_nearby(model, plans),
        _goes_farther(model, plans, rays, rng),
        _has_no_jumps(model, rng.sample(plans, min(CLOCK_PLACES, len(plans)))),
        _is_fifo(model, rng.sample(plans, min(CLOCK_PLACES, len(plans)))),
        _knows_all_years(model, rng.sample(plans, min(CLOCK_PLACES, len(plans)))),
    ]


def _is_finite(model: DurationModel, plans: Sequence[TripPlan]) -> Check:
    answers = model.estimate(plans)
    good = sum(
        all(isfinite(seconds) and seconds > 0 for seconds in quantiles)
        and all(low <= high for low, high in pairwise(quantiles))
        for quantiles in ([answer.quantile_s(level) for level in LEVELS] for answer in answers)
    )
    return Check(
        name="finite",
        passed=good == len(plans),
        detail=f"{good:,} of {len(plans):,} answers are finite, positive and in order",
    )


def _is_no_faster(model: DurationModel, plans: Sequence[TripPlan]) -> Check:
    city = model.manifest.city
    medians_s = _medians_s(model, plans)
    least_s = [fastest_s(SCALAR, _distance_km(plan), city) for plan in plans]
    too_fast = sum(median < least - 1e-6 for median, least in zip(medians_s, least_s, strict=True))
    limit = city.plausibility.max_speed_km_h
    return Check(
        name="speed",
        passed=not too_fast,
        detail=f"{too_fast:,} of {len(plans):,} answers are faster than {limit:g} km/h",
    )


def _is_sensible_nearby(model: DurationModel, plans: Sequence[TripPlan]) -> Check:
    city = model.manifest.city
    same = [replace(plan, dropoff=plan.pickup) for plan in plans]
    near = [replace(plan, dropoff=_away(plan.pickup, TINY_KM, 0.0)) for plan in plans]
    seconds = _medians_s(model, [*same, *near])
    least_s = city.plausibility.min_duration_s - 1e-6
    good = sum(least_s <= s <= MAX_TINY_S for s in seconds)
    share = good / len(seconds)
    return Check(
        name="tiny distances",
        # From some places nearly all such trips are tours that come back.
        passed=share >= MIN_TINY_SHARE and min(seconds) >= least_s,
        detail=f"from a place to itself or 50 m on: {min(seconds):.0f} to {max(seconds):.0f} s,"
        f" {share:.0%} at most {MAX_TINY_S / 60:.0f} min",
    )


def _goes_farther(model: DurationModel, plans: Sequence[TripPlan], rays: int, rng: random.Random) -> Check:
    bounds = model.manifest.city.bounds
    probes: list[TripPlan] = []
    starts: list[int] = []  # of each ray
    for _ in range(rays):
        plan, bearing = rng.choice(plans), rng.uniform(0, 2 * pi)
        starts.append(len(probes))
        for step in range(1, RAY_STEPS + 1):
            dropoff = _away(plan.pickup, step * RAY_STEP_KM, bearing)
            if dropoff.point not in bounds:
                break
            probes.append(replace(plan, dropoff=dropoff))
    seconds = _medians_s(model, probes)
    steps = strange = 0
    for start, end in pairwise([*starts, len(probes)]):
        for near_s, far_s in pairwise(seconds[start:end]):
            steps += 1
            strange += far_s < near_s * (1 - SHORTER)
    share = strange / max(steps, 1)
    return Check(
        name="rays",
        passed=share <= MAX_STRANGE_STEPS,
        detail=f"{share:.2%} of {steps:,} steps along {rays:,} rays are more than {SHORTER:.0%} shorter"
        " than the step before",
    )


def _has_no_jumps(model: DurationModel, plans: Sequence[TripPlan]) -> Check:
    """At the midnights that end days, months and years."""
    city = model.manifest.city
    edges = [
        datetime(plan.pickup_at.astimezone(city.tz).year + later, month, day, tzinfo=city.tz)
        for plan in plans[:1]
        for later in (0, 1)
        for month, day in ((1, 1), (2, 1), (3, 1), (7, 1), (7, 4), (9, 15), (11, 1), (12, 25))
    ]
    second = timedelta(seconds=1)
    probes = [
        replace(plan, pickup_at=edge.astimezone(UTC) + shift)
        for plan in plans
        for edge in edges
        for shift in (-second, second)
    ]
    seconds = _medians_s(model, probes)
    worst = max(_jump(before_s, after_s) for before_s, after_s in _pairs(seconds))
    return Check(
        name="clock edges",
        passed=worst <= MAX_JUMP,
        detail=f"the largest jump at a midnight, month or year end is {worst:.2%}",
    )


def _is_fifo(model: DurationModel, plans: Sequence[TripPlan]) -> Check:
    step = timedelta(minutes=5)
    late = steps = 0
    for plan in plans:
        day = [replace(plan, pickup_at=plan.pickup_at + i * step) for i in range(288)]
        arrivals_s = [i * step.total_seconds() + s for i, s in enumerate(_medians_s(model, day))]
        steps += len(arrivals_s) - 1
        late += sum(after < before - 1e-3 for before, after in pairwise(arrivals_s))
    return Check(
        name="FIFO",
        passed=not late,
        detail=f"leaving five minutes later arrives earlier in {late:,} of {steps:,} steps",
    )


def _knows_all_years(model: DurationModel, plans: Sequence[TripPlan]) -> Check:
    probes = [
        replace(plan, pickup_at=datetime(year, 6, 15, 12, tzinfo=model.manifest.city.tz).astimezone(UTC))
        for plan in plans
        for year in range(FIRST_YEAR, LAST_YEAR + 1)
    ]
    seconds = _medians_s(model, probes)
    good = sum(isfinite(s) and s > 0 for s in seconds)
    return Check(
        name="years",
        passed=good == len(seconds),
        detail=f"{good:,} of {len(seconds):,} trips of the years {FIRST_YEAR} to {LAST_YEAR} are answered",
    )


def _medians_s(model: DurationModel, plans: Sequence[TripPlan]) -> list[float]:
    return [answer.median_s() for answer in model.estimate(plans)]


def _distance_km(plan: TripPlan) -> float:
    a, b = plan.pickup.point, plan.dropoff.point
    return great_circle_km(SCALAR, a.lat_deg, a.lon_deg, b.lat_deg, b.lon_deg)


def _away(place: Place, distance_km: float, bearing: float) -> Place:
    """The place *distance_km* from *place*, on the plane that touches the Earth there."""
    north_deg = distance_km * cos(bearing) / KM_PER_DEG
    east_deg = distance_km * sin(bearing) / (KM_PER_DEG * cos(radians(place.point.lat_deg)))
    return Place(Point(place.point.lat_deg + north_deg, place.point.lon_deg + east_deg))


def _jump(before_s: float, after_s: float) -> float:
    """By which share the second is more or less than the first; where one is no duration, without end."""
    return abs(after_s / before_s - 1) if 0 < before_s < inf and after_s < inf else inf


def _pairs(values: Sequence[float]) -> Iterator[tuple[float, float]]:
    return zip(values[::2], values[1::2], strict=True)
