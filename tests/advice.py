"""Two places to advise on, and what an answer about them says."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from litestar import Litestar
from litestar.testing import TestClient

__all__ = [
    "ARRIVALS",
    "BRONX",
    "DEPARTURES",
    "MIDTOWN",
    "MODEL",
    "NEAREST",
    "REACHABLE",
    "Client",
    "Serve",
    "answer_of",
]

Client = TestClient[Litestar]
Serve = Callable[..., AbstractContextManager[Client]]

ARRIVALS, DEPARTURES, NEAREST, REACHABLE = (
    f"/v1/{name}" for name in ("arrivals", "departures", "nearest", "reachable")
)
MIDTOWN = {"lat": 40.75, "lon": -73.98}
BRONX = {"lat": 40.78, "lon": -73.935}
MODEL = {
    "city": "A City",
    "version": 3,
    "trained_until": "2023-02-10T00:00:00-05:00",
    "simulated": False,
}


def answer_of(response: Any) -> dict[str, Any]:
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer
