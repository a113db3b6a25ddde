"""What telemetry learns of requests, and how it and the health endpoints take a stop."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from taxi_predictor.adapters.http.hexagon import Hexagon
from taxi_predictor.adapters.memory.constant_speed import ConstantSpeedModel
from taxi_predictor.adapters.memory.models import MemoryModelShelf
from taxi_predictor.adapters.memory.telemetry import (
    Answered,
    AskedBatch,
    AskedMatrix,
    Degraded,
    Predicted,
    RecordingTelemetry,
    Refused,
)
from taxi_predictor.domain.distribution import DurationDistribution
from taxi_predictor.domain.level import LiveLevel
from taxi_predictor.domain.model import DurationModel, ModelVersion
from taxi_predictor.domain.record import AnswerSource
from taxi_predictor.domain.trip import TripPlan
from taxi_predictor.ports.outbound.shelf import ModelShelf, ServedModel

Client = TestClient[Litestar]
Serve = Callable[..., AbstractContextManager[Client]]


@pytest.fixture
def told() -> RecordingTelemetry:
    return RecordingTelemetry()


@pytest.fixture
def client(serve: Serve, told: RecordingTelemetry) -> Iterator[Client]:
    with serve(telemetry=told) as served:
        yield served


def answers(told: RecordingTelemetry) -> list[tuple[str, str, int]]:
    calls = [call for call in told.calls if isinstance(call, Answered)]
    assert all(0 < call.elapsed_s < 5 for call in calls)
    return [(call.method, call.route, call.status) for call in calls]


def test_every_request_counts_by_the_template_of_its_path(
    client: Client, told: RecordingTelemetry, body: dict[str, Any]
) -> None:
    client.post("/v1/predictions", json=body)
    client.post("/v1/predictions?explain=1&x=2", json={})
    client.get("/health")
    assert answers(told) == [
        ("POST", "/v1/predictions", 200),
        ("POST", "/v1/predictions", 422),
        ("GET", "/health", 200),
    ]


def test_who_asks_for_the_head_alone_counts_as_such(client: Client, told: RecordingTelemetry) -> None:
    client.head("/health")
    assert answers(told) == [("HEAD", "/health", 200)]


def test_what_anybody_can_make_up_has_one_name(client: Client, told: RecordingTelemetry) -> None:
    for path in ("/v1", "/wp-login.php", "/%00"):
        client.get(path)
    client.request("BREW", "/health")
    assert set(answers(told)) == {("GET", "unknown", 404), ("unknown", "unknown", 405)}


def test_a_prediction_counts_with_its_version(
    client: Client, told: RecordingTelemetry, body: dict[str, Any]
) -> None:
    for _ in range(2):
        client.post("/v1/predictions", json=body)
    predicted = [call for call in told.calls if isinstance(call, Predicted)]
    assert [(call.version, call.trips) for call in predicted] == [(3, 1)] * 2
    assert all(0 < call.elapsed_s < 1 for call in predicted)


def test_a_refusal_counts_with_the_slug_of_its_problem(
    client: Client, told: RecordingTelemetry, body: dict[str, Any]
) -> None:
    response = client.post("/v1/predictions", json={**body, "dropoff": {"lat": 0.0, "lon": 0.0}})
    [refused] = [call for call in told.calls if isinstance(call, Refused)]
    assert response.json()["type"] == f"/problems/{refused.reason}" == "/problems/invalid-trip"


def test_telemetry_is_told_how_things_stand_without_being_asked(
    client: Client, told: RecordingTelemetry
) -> None:
    assert told.serving == (3, AnswerSource.CHAMPION)


def test_whoever_may_ask_the_api_sees_no_figures(client: Client) -> None:
    assert client.get("/metrics").status_code == 404


def test_probes_ask_by_address_and_without_a_key(serve: Serve) -> None:
    with serve(allowed_hosts=("api.example.com",), open_predict=False) as client:
        assert client.get("/health").status_code == 200
        assert client.get("/schema").status_code == 400


def test_the_sizes_of_lists_and_matrices_count(
    client: Client, told: RecordingTelemetry, body: dict[str, Any]
) -> None:
    assert client.post("/v1/predictions/batch", json={"trips": [body] * 3}).is_success
    places = [body["pickup"], body["dropoff"]]
    matrix = {"origins": places, "destinations": places, "departures": [body["pickup_at"]]}
    assert client.post("/v1/matrix", json=matrix).is_success
    sizes = [call for call in told.calls if isinstance(call, AskedBatch | AskedMatrix)]
    assert sizes == [AskedBatch(3), AskedMatrix(4)]


def test_trips_that_a_stand_in_answers_count_with_the_reason(
    serve: Serve, empty_shelf: ModelShelf, body: dict[str, Any]
) -> None:
    told = RecordingTelemetry()
    with serve(shelf=empty_shelf, telemetry=told, lowest=AnswerSource.FALLBACK_SPEED) as client:
        assert client.post("/v1/predictions", json=body).json()["degraded"]
    [degraded] = [call for call in told.calls if isinstance(call, Degraded)]
    assert degraded == Degraded(reason="no-champion", trips=1)


def test_a_service_that_stops_says_so_and_goes_on_answering(
    client: Client, told: RecordingTelemetry, body: dict[str, Any]
) -> None:
    assert client.get("/health/ready").headers.get("Connection") is None
    hexagon: Hexagon = client.app.state.hexagon
    hexagon.health.stop()
    for path in ("/health/ready", "/health"):
        response = client.get(path)
        assert response.status_code == 503
        assert response.headers["Retry-After"]
        assert response.json() == {
            "type": "/problems/stopping",
            "title": "stopping",
            "status": 503,
            "detail": "the service is stopping",
            "neighbours": {},
        }
    assert told.serving is None
    for response in (client.post("/v1/predictions", json=body), client.get("/health/live")):
        assert response.status_code == 200
        assert response.headers["Connection"] == "close"


class AskedModel(ConstantSpeedModel):
    """Counts how often it is asked."""

    asked = 0

    def estimate(
        self, plans: Sequence[TripPlan], /, *, level: LiveLevel | None = None
    ) -> Sequence[DurationDistribution[float]]:
        self.asked += 1
        return super().estimate(plans, level=level)


class OneModel(MemoryModelShelf):
    def __init__(self, model: DurationModel) -> None:
        self._model = model

    def champion(self) -> ServedModel:
        return ServedModel(ModelVersion(3), self._model)


def test_the_model_has_answered_once_before_anybody_can_ask(
    serve: Serve, simulated_shelf: ModelShelf
) -> None:
    model = AskedModel(simulated_shelf.champion().model.manifest)
    with serve(shelf=OneModel(model)):
        assert model.asked == 1


def test_a_service_starts_without_a_champion(serve: Serve, empty_shelf: ModelShelf) -> None:
    told = RecordingTelemetry()
    with serve(shelf=empty_shelf, telemetry=told) as client:
        assert client.get("/health/ready").status_code == 503
        assert told.serving is None
