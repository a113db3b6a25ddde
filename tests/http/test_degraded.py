"""Every face says so when somebody stands in for the champion."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from taxi_predictor.adapters.memory.constant_speed import ConstantSpeedLoader
from taxi_predictor.adapters.memory.models import MemoryModelShelf
from taxi_predictor.adapters.memory.telemetry import Predicted, RecordingTelemetry
from taxi_predictor.domain.record import AnswerSource
from taxi_predictor.ports.outbound.shelf import ModelShelf

Client = TestClient[Litestar]
Serve = Callable[..., AbstractContextManager[Client]]

FALLBACK = AnswerSource.FALLBACK_SPEED
PLACE, OTHER = {"lat": 40.75, "lon": -73.98}, {"lat": 40.78, "lon": -73.935}
TRIP = {"pickup": PLACE, "dropoff": OTHER, "pickup_at": "2024-03-01T08:30:00-05:00"}
ASKED = {
    "/v1/predictions": TRIP,
    "/v1/matrix": {"origins": [PLACE], "destinations": [OTHER]},
    "/v1/arrivals": TRIP | {"arrive_by": "2024-03-01T09:00:00-05:00"},
    "/v1/departures": {"pickup": PLACE, "dropoff": OTHER, "date": "2024-03-01"},
    "/v1/nearest": {"rider": PLACE, "vehicles": [{"id": "a", "place": OTHER}]},
    "/v1/reachable": {"from": PLACE, "within_s": [600]},
}


@pytest.fixture
def empty() -> ModelShelf:
    return MemoryModelShelf(ConstantSpeedLoader())


@pytest.mark.parametrize("path", ASKED)
def test_an_answer_without_a_model_says_so(serve: Serve, empty: ModelShelf, path: str) -> None:
    with serve(shelf=empty, lowest=FALLBACK) as client:
        response = client.post(path, json=ASKED[path])
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    assert (answer["source"], answer["model"]) == ("fallback-speed", None)
    assert "no model" in answer["degraded"]


def test_each_of_a_batch_says_so(serve: Serve, empty: ModelShelf) -> None:
    with serve(shelf=empty, lowest=FALLBACK) as client:
        answer = client.post("/v1/predictions/batch", json={"trips": [TRIP, TRIP]}).json()
    assert [one["source"] for one in answer["predictions"]] == ["fallback-speed"] * 2


def test_readiness_and_figures_tell_who_answers(serve: Serve, empty: ModelShelf) -> None:
    told = RecordingTelemetry()
    with serve(shelf=empty, lowest=FALLBACK, telemetry=told) as client:
        ready = client.get("/health/ready").json()
        client.post("/v1/predictions", json=TRIP)
    assert (ready["status"], ready["version"], ready["source"]) == ("ready", None, "fallback-speed")
    assert "no model" in ready["degraded"]
    [predicted] = [call for call in told.calls if isinstance(call, Predicted)]
    assert (predicted.version, predicted.source) == (None, FALLBACK)


def test_osrm_gets_durations_too(serve: Serve, empty: ModelShelf) -> None:
    with serve(shelf=empty, lowest=FALLBACK) as client:
        answer = client.get("/osrm/table/v1/driving/-73.98,40.75;-73.935,40.78").json()
    assert answer["code"] == "Ok"
    assert answer["data_version"] == "fallback-speed"


def test_the_raw_model_is_named_by_who_answers(serve: Serve, empty: ModelShelf) -> None:
    with serve(shelf=empty, lowest=FALLBACK) as client:
        assert client.get("/v2/models/taxi-duration").json()["versions"] == ["fallback-speed"]


def test_where_nothing_lower_may_answer_nobody_does(serve: Serve, empty: ModelShelf) -> None:
    with serve(shelf=empty, lowest=AnswerSource.SPEED_PROFILE) as client:
        assert client.post("/v1/predictions", json=TRIP).status_code == 503
        assert client.get("/health/ready").status_code == 503
