"""Which vehicle is with the rider first."""

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from taxi_predictor.adapters.columns.plans import FramePlanColumns
from taxi_predictor.domain.errors import InvalidTrip, TooMuch
from taxi_predictor.domain.place import Place, Point
from taxi_predictor.domain.trip import TripPlan
from taxi_predictor.ports.inbound.answers.dispatch import Dispatch, Ranking, Vehicle
from taxi_predictor.ports.inbound.answers.predicting import DurationPredictor
from taxi_predictor.ports.testing.samples import NOON
from taxi_predictor.ports.testing.strategies import places

RIDER = Place(Point(40.75, -73.98))
NEAR, FAR = Place(Point(40.755, -73.985)), Place(Point(40.65, -73.80))
ELSEWHERE = Place(Point(0, 0))


@pytest.fixture
def dispatch(predictor: DurationPredictor) -> Dispatch:
    return Dispatch(predictor=predictor, columns=FramePlanColumns(), max_vehicles=50)


def fleet(*places: Place) -> list[Vehicle]:
    return [Vehicle(id=f"cab-{number}", place=place) for number, place in enumerate(places)]


async def ask(dispatch: Dispatch, *places: Place, most: int = 100) -> Ranking:
    return await dispatch.nearest(RIDER, fleet(*places), pickup_at=NOON, most=most)


# The predictor remembers nothing of the examples before.
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(fleet_places=st.lists(places(), min_size=1, max_size=20), most=st.integers(1, 25))
async def test_the_soonest_come_first_with_chances_that_add_up(
    dispatch: Dispatch, predictor: DurationPredictor, fleet_places: list[Place], most: int
) -> None:
    everybody = (await ask(dispatch, *fleet_places)).nearest
    durations_s = [approach.duration_s for approach in everybody]
    assert durations_s == sorted(durations_s)
    assert sum(approach.probability_first for approach in everybody) == pytest.approx(1, abs=1e-2)
    assert all(0 <= approach.probability_first <= 1 for approach in everybody)
    assert (await ask(dispatch, *fleet_places, most=most)).nearest == everybody[:most]


async def test_each_takes_what_the_same_trip_takes(dispatch: Dispatch, predictor: DurationPredictor) -> None:
    for approach in (await ask(dispatch, NEAR, FAR)).nearest:
        plan = TripPlan(pickup=approach.vehicle.place, dropoff=RIDER, pickup_at=NOON)
        [prediction] = predictor.predict([plan])
        assert approach.duration_s == prediction.duration_s
        assert approach.distance_km == prediction.distance_km
        assert approach.arrival_at == prediction.arrival_at


async def test_who_is_much_nearer_is_almost_surely_first(dispatch: Dispatch) -> None:
    [near, far] = (await ask(dispatch, FAR, NEAR)).nearest
    assert (near.vehicle.id, far.vehicle.id) == ("cab-1", "cab-0")
    assert near.probability_first > 0.95


async def test_two_at_one_place_have_equal_chances_and_the_order_of_the_question(
    dispatch: Dispatch,
) -> None:
    found = (await ask(dispatch, FAR, NEAR, NEAR)).nearest
    assert [approach.vehicle.id for approach in found] == ["cab-1", "cab-2", "cab-0"]
    assert found[0].probability_first == pytest.approx(found[1].probability_first)
    assert found[0].probability_first == pytest.approx(0.5, abs=0.01)  # the third has some, too


async def test_a_vehicle_at_the_very_point_is_there_already(dispatch: Dispatch) -> None:
    [there, near] = (await ask(dispatch, NEAR, RIDER)).nearest
    assert (there.vehicle.id, there.duration_s, there.probability_first) == ("cab-1", 0, 1)
    assert there.arrival_at == NOON
    assert near.duration_s > 0
    assert near.probability_first == 0


async def test_several_at_the_very_point_share_the_first_place(dispatch: Dispatch) -> None:
    found = (await ask(dispatch, RIDER, NEAR, RIDER)).nearest
    assert [approach.probability_first for approach in found] == [0.5, 0.5, 0]


async def test_vehicles_outside_the_city_are_named_and_hinder_nobody(dispatch: Dispatch) -> None:
    found = await ask(dispatch, ELSEWHERE, NEAR, ELSEWHERE)
    assert [vehicle.id for vehicle in found.unreachable] == ["cab-0", "cab-2"]
    assert [(a.vehicle.id, a.probability_first) for a in found.nearest] == [("cab-1", pytest.approx(1))]
    nobody = await ask(dispatch, ELSEWHERE)
    assert nobody.nearest == []
    assert nobody.served.version == found.served.version


async def test_a_rider_outside_the_city_and_too_many_vehicles_are_refused(dispatch: Dispatch) -> None:
    with pytest.raises(InvalidTrip, match="outside the bounds"):
        await dispatch.nearest(ELSEWHERE, fleet(NEAR), pickup_at=NOON, most=1)
    with pytest.raises(InvalidTrip, match="between the years"):
        await dispatch.nearest(RIDER, fleet(NEAR), pickup_at=NOON - timedelta(days=36500), most=1)
    with pytest.raises(TooMuch, match="at most 50"):
        await ask(dispatch, *[NEAR] * 51)
