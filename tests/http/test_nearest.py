"""Which vehicle is with the rider first, over HTTP."""

from typing import Any

import pytest

from advice import BRONX, MIDTOWN, MODEL, NEAREST, Client, Serve, answer_of
from problems import problem_of

# --- nearest ---


def test_the_nearest_are_ranked_as_trips_take(client: Client) -> None:
    asked = {
        "rider": MIDTOWN,
        "vehicles": [
            {"id": "far", "place": {"zone": 132}},
            {"id": "ocean", "place": {"lat": 0, "lon": 0}},
            {"id": "near", "place": BRONX},
        ],
        "pickup_at": "2024-03-01T08:30:00",
        "k": 2,
    }
    answer = answer_of(client.post(NEAREST, json=asked))
    assert [one["id"] for one in answer["nearest"]] == ["near", "far"]
    assert answer["unreachable"] == ["ocean"]
    assert answer["model"] == MODEL
    trip = {"pickup": BRONX, "dropoff": MIDTOWN, "pickup_at": asked["pickup_at"]}
    prediction = client.post("/v1/predictions", json=trip).json()
    near, far = answer["nearest"]
    for name in ("duration_s", "distance_km", "arrival_at"):
        assert near[name] == prediction[name]
    assert near["probability_first"] > 0.95
    assert near["probability_first"] + far["probability_first"] == pytest.approx(1, abs=1e-5)


def test_one_is_answered_unless_more_are_asked_for(client: Client) -> None:
    vehicles = [{"id": str(number), "place": BRONX} for number in range(4)]
    [first] = answer_of(client.post(NEAREST, json={"rider": MIDTOWN, "vehicles": vehicles}))["nearest"]
    assert first["id"] == "0"
    assert first["probability_first"] == 0.25


@pytest.mark.parametrize(
    ("wrong", "pointer", "reason"),
    [
        ({"vehicles": []}, "#/vehicles", "length >= 1"),
        ({"k": 0}, "#/k", ">= 1"),
        ({"vehicles": [{"id": "", "place": BRONX}]}, "#/vehicles/0/id", "length >= 1"),
        ({"vehicles": [{"id": "a", "place": {"zone": 7}}]}, "#/vehicles/0/place/zone", "zone 7"),
        ({"vehicles": [{"id": "a", "place": BRONX}] * 2}, "#", "same id"),
        ({"rider": {"zone": 7}}, "#/rider/zone", "zone 7"),
        ({"rider": {"lat": 0, "lon": 0}}, "#/rider", "rider 0.0, 0.0 is outside"),
        ({"pickup_at": "1999-12-31T08:00:00Z"}, "#/pickup_at", "pickup_at 1999"),
    ],
)
def test_a_wrong_field_of_a_fleet_is_pointed_at(
    client: Client, wrong: dict[str, Any], pointer: str, reason: str
) -> None:
    asked = {"rider": MIDTOWN, "vehicles": [{"id": "a", "place": BRONX}]} | wrong
    [error] = problem_of(client.post(NEAREST, json=asked), 422)["errors"]
    assert error["pointer"] == pointer
    assert reason in error["message"]


def test_a_fleet_that_is_too_large_is_too_much(serve: Serve) -> None:
    vehicles = [{"id": str(number), "place": BRONX} for number in range(101)]
    with serve(max_items=100) as client:
        problem_of(client.post(NEAREST, json={"rider": MIDTOWN, "vehicles": vehicles}), 413)
