"""What is not for everybody, and what is wrong, is refused as a problem (RFC 9457)."""

import pytest

from integration.asked import Asked


def test_without_a_key_nothing_is_predicted(asked: Asked) -> None:
    answer = asked.stranger.ask("POST", "/v1/predictions", asked.trip)
    assert answer.status == 401
    assert answer.headers["content-type"].startswith("application/problem+json")


def test_a_wrong_body_is_told_what_is_wrong(asked: Asked) -> None:
    answer = asked.post("/v1/predictions", {"pickup": asked.pickup, "dropoff": {"lat": "north", "lon": 0}})
    assert answer.status == 422
    assert answer.json()["errors"][0]["pointer"] == "#/dropoff/lat"


def test_a_place_in_another_city_is_refused(asked: Asked) -> None:
    answer = asked.post("/v1/predictions", {**asked.trip, "dropoff": {"lat": 52.5163, "lon": 13.3777}})
    assert answer.status == 422


@pytest.mark.parametrize(("method", "path"), [("GET", "/metrics"), ("POST", "/v1/models/rollback")])
def test_what_is_inside_is_closed(asked: Asked, method: str, path: str) -> None:
    assert asked.stranger.ask(method, path).status in (401, 403, 404)


def test_browsers_are_told_to_stay_with_tls(asked: Asked) -> None:
    assert "strict-transport-security" in asked.stranger.ask("GET", "/health/ready").headers
