"""FIFO by construction, from whatever a model says at its knots."""

import math
from dataclasses import replace
from itertools import pairwise
from math import exp, log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taxi_predictor.apps.cities import load_city
from taxi_predictor.domain.arithmetic import SCALAR
from taxi_predictor.domain.city import PlausibilityBounds
from taxi_predictor.domain.departures import (
    KNOT_S,
    farthest_km,
    fastest_s,
    from_knots,
    join_knots_s,
    knots_behind,
    most_behind,
    slowest_s,
)

CITY = load_city("new-york")
DISTANCES_KM = st.floats(0, 80)


@given(DISTANCES_KM, st.data())
def test_no_later_departure_arrives_earlier(distance_km: float, data: st.DataObject) -> None:
    longest_s = slowest_s(SCALAR, distance_km, CITY)
    shortest_s = fastest_s(SCALAR, distance_km, CITY)
    behind = int(knots_behind(SCALAR, longest_s))
    said_s = data.draw(st.lists(st.floats(shortest_s, longest_s), min_size=behind + 5, max_size=behind + 5))
    arrivals_s = [
        (knot + share) * KNOT_S + join_knots_s(SCALAR, said_s[knot - behind : knot + 2], share)
        for knot in range(behind, len(said_s) - 1)
        for share in (0.0, 0.001, 0.25, 0.5, 0.999, 1.0)
    ]
    assert all(earlier <= later + 1e-6 for earlier, later in pairwise(arrivals_s))


def test_at_a_knot_stands_what_the_model_said() -> None:
    assert join_knots_s(SCALAR, [600.0, 900.0], 0.0) == 600
    assert join_knots_s(SCALAR, [600.0, 900.0], 1.0) == 900
    assert join_knots_s(SCALAR, [600.0, 900.0], 0.5) == 750


def test_who_waits_for_the_end_of_a_jam_arrives_with_it_and_not_before() -> None:
    # Left an hour ago into two hours of jam: one hour of it is still to come.
    assert join_knots_s(SCALAR, [7200.0, 600.0, 600.0], 0.0) == 3600


@given(DISTANCES_KM)
def test_bounds_stand_in_order_and_need_few_knots(distance_km: float) -> None:
    low_s, high_s = fastest_s(SCALAR, distance_km, CITY), slowest_s(SCALAR, distance_km, CITY)
    assert CITY.plausibility.min_duration_s <= low_s <= high_s <= CITY.plausibility.max_duration_s
    assert (knots_behind(SCALAR, high_s) + 1) * KNOT_S >= high_s
    assert knots_behind(SCALAR, high_s) <= 2


@pytest.mark.parametrize(("distance_km", "behind"), [(0, 0), (5, 0), (5.1, 1), (10, 1), (10.1, 2), (60, 2)])
def test_short_trips_need_no_knot_before_their_own(distance_km: float, behind: int) -> None:
    assert knots_behind(SCALAR, slowest_s(SCALAR, distance_km, CITY)) == behind


@given(st.floats(0, 389.9))
def test_nothing_is_farther_than_the_fastest_car_comes(distance_km: float) -> None:
    least_s = fastest_s(SCALAR, distance_km, CITY)
    assert farthest_km(least_s, CITY) >= distance_km * (1 - 1e-9)


def test_how_far_a_car_comes_is_its_speed_and_has_no_end_where_durations_do() -> None:
    longest_s = CITY.plausibility.max_duration_s
    assert farthest_km(1800, CITY) == pytest.approx(65)
    assert farthest_km(longest_s - 1, CITY) == pytest.approx(130 * (longest_s - 1) / 3600)
    # No median is longer, however far the trip: so one of that duration may lead anywhere.
    assert farthest_km(longest_s, CITY) == farthest_km(longest_s + 1, CITY) == math.inf


def test_no_trip_needs_more_knots_than_the_longest() -> None:
    assert most_behind(CITY) == 2
    assert most_behind(replace(CITY, plausibility=PlausibilityBounds(max_duration_s=1800.0))) == 0


def test_between_knots_seconds_and_spreads_are_lines_and_bounds_hold_at_the_knots() -> None:
    mu, sigma = from_knots(SCALAR, CITY, 3.0, 0.25, [log(600.0), log(1000.0)], [0.2, 0.4])
    assert (exp(mu), sigma) == (pytest.approx(700.0), pytest.approx(0.25))
    low_s, high_s = fastest_s(SCALAR, 3.0, CITY), slowest_s(SCALAR, 3.0, CITY)
    mu, _ = from_knots(SCALAR, CITY, 3.0, 0.5, [0.0, 20.0], [0.2, 0.2])
    assert exp(mu) == pytest.approx((low_s + high_s) / 2)
