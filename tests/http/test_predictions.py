"""POST /v1/predictions: what is answered."""

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from litestar import Litestar
from litestar.testing import TestClient

from problems import problem_of
from taxi_predictor.adapters.http.bodies import PredictionAnswer
from taxi_predictor.domain.place import Place, Point
from taxi_predictor.domain.trip import TripPlan
from taxi_predictor.ports.inbound.answers.predicting import DurationPredictor
from taxi_predictor.ports.outbound.shelf import ModelShelf
from taxi_predictor.ports.testing.strategies import plans

Serve = Callable[..., AbstractContextManager[TestClient[Litestar]]]
PREDICTIONS = "/v1/predictions"


def nameless(answer: dict[str, Any]) -> dict[str, Any]:
    """An answer but for its id, of which every answer has its own."""
    assert UUID(answer["prediction_id"]).version == 7
    return {key: value for key, value in answer.items() if key != "prediction_id"}


def test_a_trip_between_points_is_answered(client: TestClient[Litestar], body: dict[str, Any]) -> None:
    response = client.post(PREDICTIONS, json=body)
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "application/json"
    answer = response.json()
    assert answer["distance_km"] == pytest.approx(5.05, abs=0.05)
    assert answer["duration_s"] == pytest.approx(answer["distance_km"] / 20 * 3600, abs=0.2)
    assert answer["interval"]["coverage"] == 0.8
    assert answer["interval"]["lower_s"] < answer["duration_s"] < answer["interval"]["upper_s"]
    assert answer["pickup_at"] == body["pickup_at"]
    assert answer["arrival_at"].endswith("-05:00")
    travelled = datetime.fromisoformat(answer["arrival_at"]) - datetime.fromisoformat(body["pickup_at"])
    assert travelled.total_seconds() == pytest.approx(answer["duration_s"], abs=1e-6)
    assert answer["source"] == "champion"
    assert answer["model"] == {
        "city": "A City",
        "version": 3,
        "trained_until": "2023-02-10T00:00:00-05:00",
        "simulated": False,
    }


def test_a_trip_between_zones_is_a_trip_between_their_centroids(
    client: TestClient[Litestar], body: dict[str, Any]
) -> None:
    by_zones = client.post(PREDICTIONS, json=body | {"pickup": {"zone": 132}, "dropoff": {"zone": 161}})
    by_points = client.post(
        PREDICTIONS,
        json=body
        | {"pickup": {"lat": 40.6469, "lon": -73.7865}, "dropoff": {"lat": 40.758, "lon": -73.9777}},
    )
    assert by_zones.status_code == 200
    assert nameless(by_zones.json()) == nameless(by_points.json())


def test_a_point_and_a_zone_go_together(client: TestClient[Litestar], body: dict[str, Any]) -> None:
    assert client.post(PREDICTIONS, json=body | {"dropoff": {"zone": 161}}).status_code == 200


def test_a_wider_coverage_gives_a_wider_interval_around_the_same_duration(
    client: TestClient[Litestar], body: dict[str, Any]
) -> None:
    narrow, wide = (
        client.post(PREDICTIONS, json=body | {"coverage": coverage}).json() for coverage in (0.5, 0.95)
    )
    assert narrow["duration_s"] == wide["duration_s"]
    assert wide["interval"]["lower_s"] < narrow["interval"]["lower_s"]
    assert narrow["interval"]["upper_s"] < wide["interval"]["upper_s"]


def test_a_model_that_learned_from_simulated_trips_is_labelled(
    serve: Serve, simulated_shelf: ModelShelf, body: dict[str, Any]
) -> None:
    with serve(shelf=simulated_shelf) as client:
        assert client.post(PREDICTIONS, json=body).json()["model"]["simulated"] is True


@settings(deadline=None, max_examples=50)
@given(plan=plans(), offset_min=st.integers(-14 * 60, 14 * 60), passengers=st.none() | st.integers(0, 9))
def test_every_possible_trip_is_answered_the_same_at_any_offset(
    client: TestClient[Litestar], plan: TripPlan, offset_min: int, passengers: int | None
) -> None:
    there = {
        end: {"lat": place.point.lat_deg, "lon": place.point.lon_deg}
        for end, place in (("pickup", plan.pickup), ("dropoff", plan.dropoff))
    } | {"passenger_count": passengers}
    local = plan.pickup_at.astimezone(timezone(timedelta(minutes=offset_min)))
    in_utc, at_offset = (
        client.post(PREDICTIONS, json=there | {"pickup_at": at.isoformat()}) for at in (plan.pickup_at, local)
    )
    assert in_utc.status_code == at_offset.status_code == 200
    first, second = in_utc.json(), at_offset.json()
    assert first["duration_s"] == second["duration_s"]
    assert first["interval"] == second["interval"]
    for key in ("pickup_at", "arrival_at"):
        assert datetime.fromisoformat(first[key]) == datetime.fromisoformat(second[key])
        assert datetime.fromisoformat(second[key]).utcoffset() == local.utcoffset()


def test_the_answer_can_be_built_without_a_server(client: TestClient[Litestar], body: dict[str, Any]) -> None:
    hexagon = client.app.state.hexagon
    predictor: DurationPredictor = hexagon.predictor
    plan = TripPlan(
        pickup=Place(Point(40.75, -73.98)),
        dropoff=Place(Point(40.78, -73.935)),
        pickup_at=datetime.fromisoformat(body["pickup_at"]),
    )
    [prediction] = predictor.predict([plan])
    encoded = msgspec.json.encode(PredictionAnswer.of(prediction, coverage=0.8, logged=True))
    assert json.loads(encoded) == nameless(client.post(PREDICTIONS, json=body).json())


def test_an_instant_is_one_instant_on_both_nights_the_clocks_change(
    client: TestClient[Litestar], body: dict[str, Any]
) -> None:
    for at in (datetime(2024, 3, 10, 7, tzinfo=UTC), datetime(2024, 11, 3, 6, tzinfo=UTC)):
        durations_s = set()
        for hours in (0, -4, -5):
            local = at.astimezone(timezone(timedelta(hours=hours)))
            answer = client.post(PREDICTIONS, json=body | {"pickup_at": local.isoformat()}).json()
            durations_s.add(answer["duration_s"])
        assert len(durations_s) == 1


def test_a_time_without_an_offset_is_local_to_the_city(
    client: TestClient[Litestar], body: dict[str, Any]
) -> None:
    local = client.post(PREDICTIONS, json=body | {"pickup_at": "2024-03-01T08:30:00"})
    assert nameless(local.json()) == nameless(client.post(PREDICTIONS, json=body).json())


@pytest.mark.parametrize(
    "at",
    [
        "2024-03-01T08:30",
        "2024-03-01T13:30Z",
        "2024-03-01t13:30:00.000z",
        "2024-03-01 08:30:00-05:00",
        "2024-03-01T08:30-0500",
        "20240301T0830",
    ],
)
def test_a_time_may_be_written_as_people_and_programs_do(
    client: TestClient[Litestar], body: dict[str, Any], at: str
) -> None:
    answer, expected = (
        client.post(PREDICTIONS, json=asked).json() for asked in (body | {"pickup_at": at}, body)
    )
    for key in ("pickup_at", "arrival_at"):
        assert datetime.fromisoformat(answer[key]) == datetime.fromisoformat(expected[key])


@pytest.mark.parametrize(
    ("at", "slug"), [("2024-03-10T02:30:00", "skipped-hour"), ("2024-11-03T01:30:00", "repeated-hour")]
)
def test_a_local_time_that_is_no_instant_or_two_is_refused(
    client: TestClient[Litestar], body: dict[str, Any], at: str, slug: str
) -> None:
    problem = problem_of(client.post(PREDICTIONS, json=body | {"pickup_at": at}), 422)
    assert problem["type"] == f"/problems/{slug}"
    assert problem["errors"][0]["pointer"] == "#/pickup_at"


def test_a_trip_that_names_no_departure_leaves_now(
    client: TestClient[Litestar], body: dict[str, Any]
) -> None:
    now = client.app.state.hexagon.predictor.now()
    del body["pickup_at"]
    answer = client.post(PREDICTIONS, json=body).json()
    assert datetime.fromisoformat(answer["pickup_at"]) == now
    assert answer["pickup_at"].endswith("-05:00")


def test_an_explanation_is_given_where_it_is_asked_for_and_adds_up(
    client: TestClient[Litestar], body: dict[str, Any]
) -> None:
    plain = client.post(PREDICTIONS, json=body).json()
    answer = client.post(PREDICTIONS, params={"explain": True}, json=body).json()
    explanation = answer.pop("explanation")
    assert nameless(answer) == nameless(plain)
    parts = explanation["parts"]
    assert {part["cause"] for part in parts} >= {"distance", "time of day", "live level"}
    total_s = explanation["usual_s"] + sum(part["seconds"] for part in parts)
    assert total_s == pytest.approx(answer["duration_s"], abs=1e-3)


def test_what_is_no_yes_or_no_explains_nothing(client: TestClient[Litestar], body: dict[str, Any]) -> None:
    problem = problem_of(client.post(PREDICTIONS, params={"explain": "perhaps"}, json=body), 422)
    assert problem["detail"] == "explain: Expected `bool`, got `str`"
    assert problem["errors"] == [{"parameter": "explain", "message": "Expected `bool`, got `str`"}]


def test_a_parameter_that_there_is_not_is_refused_as_an_unknown_field_is(
    client: TestClient[Litestar], body: dict[str, Any]
) -> None:
    problem = problem_of(client.post(PREDICTIONS, params={"explian": True}, json=body), 422)
    assert problem["type"] == "/problems/invalid-request"
    assert problem["detail"] == "there is no parameter 'explian', only explain"
    assert problem["errors"] == [{"parameter": "explian", "message": problem["detail"]}]
    huge = problem_of(client.post(PREDICTIONS, params={"x" * 5_000: 1}, json=body), 422)
    assert len(huge["detail"]) < 200


def test_the_time_that_the_model_took_is_told(client: TestClient[Litestar], body: dict[str, Any]) -> None:
    times = client.post(PREDICTIONS, json=body).headers["Server-Timing"]
    spent_ms = {name: float(ms) for name, _, ms in (one.partition(";dur=") for one in times.split(", "))}
    assert spent_ms.keys() == {"features", "model", "log"}
    assert 0 < spent_ms["model"] < 10_000


def test_every_prediction_has_an_id_of_its_own(client: TestClient[Litestar], body: dict[str, Any]) -> None:
    ids = {client.post(PREDICTIONS, json=body).json()["prediction_id"] for _ in range(20)}
    assert len(ids) == 20
