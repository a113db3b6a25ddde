"""One trip is answered at once as it is step by step, to the last bit; or not at all."""

import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taxi_predictor.adapters.columns.timetable import AskTrip, Timetable
from taxi_predictor.adapters.lightgbm import evaluators, machine_numbers, machine_trips
from taxi_predictor.adapters.lightgbm.booster_text import Unwalkable
from taxi_predictor.adapters.lightgbm.engine import lightgbm
from taxi_predictor.adapters.lightgbm.evaluators import (
    Evaluator,
    by_lightgbm,
    evaluator_of,
    trips_asked_at_once,
)
from taxi_predictor.domain.city import City
from taxi_predictor.domain.distribution import ScaledResiduals
from taxi_predictor.domain.features import FEATURE_NAMES
from taxi_predictor.domain.level import LiveLevel
from taxi_predictor.domain.model import Manifest
from taxi_predictor.domain.trip import TripPlan
from taxi_predictor.ports.testing.level import levels
from taxi_predictor.ports.testing.samples import NOON, SPLIT
from taxi_predictor.ports.testing.strategies import A_CITY, cities, plans

RESIDUALS = ScaledResiduals((0.005, 0.5, 0.995), (-2.5, 0.0, 3.0))
WITHOUT_ZONES = tuple(name for name in FEATURE_NAMES if not name.endswith("zone"))


def a_manifest(features: tuple[str, ...], city: City = A_CITY) -> Manifest:
    return Manifest(
        engine="lightgbm",
        city=city,
        features=features,
        residuals=RESIDUALS,
        split=SPLIT,
        trips=300,
        sources=("sample",),
        fingerprint="0" * 64,
        seed=0,
        params={},
        created_at=NOON,
        code_version="0.0.0",
    )


@cache
def evaluator(features: tuple[str, ...], objective: str = "regression_l1") -> Evaluator:
    """Of boosters that know nothing of trips, but look at all of their features."""
    rng = np.random.default_rng(1)
    low, high = A_CITY.bounds.south_deg - 1, A_CITY.bounds.north_deg + 1
    rows = rng.choice([-1.0, 1.0], (600, len(features))) * rng.uniform(0, 1_000, (600, len(features)))
    for column, name in enumerate(features):
        if "lat_deg" in name:
            rows[:, column] = rng.uniform(low, high, 600)
    rows[rng.random(rows.shape) < 0.05] = np.nan
    params = {
        "verbosity": -1,
        "num_threads": 1,
        "num_leaves": 31,
        "min_data_in_leaf": 3,
        "objective": objective,
    }

    def grown(seed: int, low: float, high: float) -> lightgbm.Booster:
        target = np.random.default_rng(seed).uniform(low, high, 600)
        return lightgbm.train({**params, "seed": seed}, lightgbm.Dataset(rows, target), num_boost_round=30)

    return evaluator_of(grown(1, 3.0, 10.0), grown(2, 0.001, 0.1))


def asked_by(ask_trip: AskTrip | None, features: tuple[str, ...], city: City) -> Timetable:
    few = evaluator(features).ask_few
    return Timetable(city, features, RESIDUALS, evaluator(features).ask, few, ask_trip)


def assert_answered_alike(
    trips: Sequence[TripPlan], features: tuple[str, ...], city: City, level: LiveLevel | None
) -> None:
    ask_trip = trips_asked_at_once(evaluator(features), a_manifest(features, city))
    assert ask_trip is not None
    at_once, by_steps = (asked_by(ask, features, city) for ask in (ask_trip, None))
    assert at_once.estimate(trips, level) == by_steps.estimate(trips, level)


@pytest.mark.parametrize("features", [FEATURE_NAMES, WITHOUT_ZONES, ("distance_km",), ("minute_of_week",)])
@settings(max_examples=30, deadline=None)
@given(trips=st.lists(plans(), max_size=8), level=levels())
def test_a_trip_is_answered_at_once_as_step_by_step(
    features: tuple[str, ...], trips: list[TripPlan], level: LiveLevel | None
) -> None:
    """With zones and without, short and long, around the hour, whatever the level."""
    assert_answered_alike(trips, features, A_CITY, level)


@settings(max_examples=8, deadline=None)
@given(city=cities(), data=st.data(), level=levels())
def test_so_it_is_in_any_city(city: City, data: st.DataObject, level: LiveLevel | None) -> None:
    trips = data.draw(st.lists(plans(city=city), min_size=1, max_size=8))
    assert_answered_alike(trips, WITHOUT_ZONES, city, level)


@settings(max_examples=5, deadline=None)
@given(trips=st.lists(plans(), min_size=20, max_size=40))
def test_threads_do_not_meet(trips: list[TripPlan]) -> None:
    ask_trip = trips_asked_at_once(evaluator(WITHOUT_ZONES), a_manifest(WITHOUT_ZONES))
    timetable = asked_by(ask_trip, WITHOUT_ZONES, A_CITY)
    expected = timetable.estimate(trips, None)
    with ThreadPoolExecutor(4) as threads:
        for said in threads.map(lambda _: timetable.estimate(trips, None), range(8)):
            assert said == expected


def test_boosters_that_are_more_than_sums_are_asked_step_by_step(caplog: pytest.LogCaptureFixture) -> None:
    """And so is LightGBM itself; of ours the log tells."""
    converted = evaluator(WITHOUT_ZONES, "poisson")
    assert trips_asked_at_once(converted, a_manifest(WITHOUT_ZONES)) is None
    assert "not just the sum" in vars(caplog.records[-1])["reason"]
    assert caplog.records[-1].levelno == logging.WARNING
    rows = np.random.default_rng(1).normal(size=(50, 2))
    booster = lightgbm.train({"verbosity": -1}, lightgbm.Dataset(rows, rows[:, 0]), num_boost_round=1)
    assert trips_asked_at_once(by_lightgbm(booster, booster), a_manifest(WITHOUT_ZONES)) is None


def test_where_a_function_of_the_system_is_missing_trips_are_asked_step_by_step(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(
        machine_numbers, "OF_LIBM", ("sin", "cos", "asin", "exp", "no_such_function", "atan2")
    )
    machine_trips.trip_code.cache_clear()
    assert trips_asked_at_once(evaluator(WITHOUT_ZONES), a_manifest(WITHOUT_ZONES)) is None
    assert "no_such_function" in vars(caplog.records[-1])["reason"]


def test_one_that_answers_otherwise_is_found_out() -> None:
    manifest = a_manifest(WITHOUT_ZONES)
    right = trips_asked_at_once(evaluator(WITHOUT_ZONES), manifest)
    assert right is not None
    few = evaluator(WITHOUT_ZONES).ask_few
    evaluators._compare_trips(manifest, few, right)
    with pytest.raises(Unwalkable, match="otherwise"):
        evaluators._compare_trips(
            manifest, few, lambda values, share, clock, _: right(values, share, clock, None)
        )
