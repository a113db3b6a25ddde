"""Whatever way a trip is asked about, the answer is one."""

from datetime import timedelta
from uuid import uuid4

import pytest

from integration.asked import Asked

SAME = 0.02
"""The live level may move between two questions by as much."""


def test_a_champion_answers(asked: Asked) -> None:
    ready = asked.stranger.ask("GET", "/health/ready").json()
    assert ready["status"] == "ready"
    assert ready["source"] == "champion", f"{ready['source']} stands in: {ready['degraded']}"


def test_a_prediction_is_believable_and_kept(asked: Asked) -> None:
    said = asked.post("/v1/predictions", asked.trip).json()
    lower_s, upper_s = said["interval"]["lower_s"], said["interval"]["upper_s"]
    assert 60 < lower_s < said["duration_s"] < upper_s < 4 * 3600
    assert said["logged"] is True
    assert said["source"] == "champion"


def test_the_same_question_by_one_key_is_answered_once(asked: Asked) -> None:
    key = str(uuid4())
    first, second = (asked.post("/v1/predictions", asked.trip, idempotency_key=key).json() for _ in range(2))
    assert first == second


def test_an_outcome_is_taken_once_and_no_other_one_after_it(asked: Asked) -> None:
    prediction = asked.post("/v1/predictions", asked.trip).json()
    took = {"prediction_id": prediction["prediction_id"], "duration_s": 1800}
    assert asked.post("/v1/outcomes", took).status in (201, 202)
    assert asked.post("/v1/outcomes", took).status in (200, 202)
    assert asked.post("/v1/outcomes", {**took, "duration_s": 60}).status == 409


def test_a_batch_answers_each_trip_for_itself(asked: Asked) -> None:
    wrong = {**asked.trip, "dropoff": {"lat": 400, "lon": 0}}
    said = asked.post("/v1/predictions/batch", {"trips": [asked.trip, wrong]}).json()
    good, bad = said["predictions"]
    assert good["duration_s"] == pytest.approx(asked.predicted_s(), rel=SAME)
    assert bad["problem"]["status"] == 422
    assert said["problems"] == 1


def test_a_matrix_has_the_number_of_a_prediction(asked: Asked) -> None:
    question = {
        "origins": [asked.pickup],
        "destinations": [asked.dropoff],
        "pickup_at": asked.leave_at.isoformat(),
    }
    [[duration_s]] = asked.post("/v1/matrix", question).json()["durations_s"]
    assert duration_s == pytest.approx(asked.predicted_s(), rel=SAME)


def test_a_client_of_osrm_gets_it_too(asked: Asked) -> None:
    a, b = (f"{place['lon']},{place['lat']}" for place in (asked.pickup, asked.dropoff))
    at = int(asked.leave_at.timestamp())
    said = asked.door.ask("GET", f"/osrm/at/{at}/table/v1/driving/{a};{b}").json()
    assert said["code"] == "Ok"
    assert said["durations"][0][1] == pytest.approx(asked.predicted_s(), rel=SAME)


def test_a_client_of_the_inference_protocol_gets_it_too(asked: Asked) -> None:
    assert asked.stranger.ask("GET", "/v2/health/ready").status == 200
    values = {
        "pickup_lat": asked.pickup["lat"],
        "pickup_lon": asked.pickup["lon"],
        "dropoff_lat": asked.dropoff["lat"],
        "dropoff_lon": asked.dropoff["lon"],
    }
    inputs = [
        {"name": name, "datatype": "FP64", "shape": [1], "data": [value]} for name, value in values.items()
    ]
    at = {"name": "pickup_at", "datatype": "INT64", "shape": [1], "data": [int(asked.leave_at.timestamp())]}
    said = asked.post("/v2/models/taxi-duration/infer", {"inputs": [*inputs, at]}).json()
    assert said["outputs"][0]["data"] == [pytest.approx(asked.predicted_s(), rel=SAME)]


def test_who_leaves_later_does_not_arrive_earlier(asked: Asked) -> None:
    departures = [asked.leave_at + timedelta(minutes=10 * step) for step in range(6)]
    trips = [{**asked.trip, "pickup_at": at.isoformat()} for at in departures]
    said = asked.post("/v1/predictions/batch", {"trips": trips}).json()["predictions"]
    arrivals = [at.timestamp() + one["duration_s"] for at, one in zip(departures, said, strict=True)]
    assert arrivals == sorted(arrivals)
