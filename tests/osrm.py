"""How the tests ask OSRM's services, and three places to ask about."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from litestar import Litestar
from litestar.testing import TestClient

from taxi_predictor.domain.place import Place, Point
from taxi_predictor.domain.trip import TripPlan
from taxi_predictor.ports.inbound.answers.predicting import DurationPredictor

__all__ = ["AT", "A", "B", "C", "Client", "coordinates", "ok", "predicted", "refused"]

Client = TestClient[Litestar]

A, B, C = Point(40.75, -73.98), Point(40.78, -73.935), Point(40.7, -74.0)
AT = "2024-03-01T08:30:00-05:00"


def coordinates(*places: Point) -> str:
    return ";".join(f"{place.lon_deg:f},{place.lat_deg:f}" for place in places)


def ok(client: Client, path: str) -> Mapping[str, Any]:
    response = client.get(f"/osrm/{path}")
    assert response.status_code == 200, response.text
    assert response.headers["Content-Type"] == "application/json"
    assert int(response.headers["Content-Length"]) == len(response.content)
    answer: Mapping[str, Any] = response.json()
    assert answer["code"] == "Ok"
    return answer


def refused(client: Client, path: str, code: str, status: int = 400) -> str:
    response = client.get(f"/osrm{path}")
    assert response.status_code == status, response.text
    answer = response.json()
    assert answer.keys() == {"code", "message"}
    assert answer["code"] == code
    assert len(answer["message"]) < 200
    message: str = answer["message"]
    return message


def predicted(client: Client, pickup: Point, dropoff: Point, at: str = AT) -> float:
    predictor: DurationPredictor = client.app.state.hexagon.predictor
    plan = TripPlan(pickup=Place(pickup), dropoff=Place(dropoff), pickup_at=datetime.fromisoformat(at))
    return predictor.predict([plan])[0].duration_s
