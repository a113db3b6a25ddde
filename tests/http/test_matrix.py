"""POST /v1/matrix."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import msgspec
from litestar import Litestar
from litestar.testing import TestClient

Client = TestClient[Litestar]
Serve = Callable[..., AbstractContextManager[Client]]
MATRIX = "/v1/matrix"
HERE, THERE = {"lat": 40.75, "lon": -73.98}, {"lat": 40.78, "lon": -73.935}
JFK, IN_THE_SEA = {"zone": 132}, {"lat": 40.0, "lon": -73.0}
AT = "2024-03-01T08:30:00-05:00"


def matrix_of(client: Client, **body: Any) -> dict[str, Any]:
    response = client.post(MATRIX, json=body)
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


def problem_of(client: Client, status: int, **body: Any) -> dict[str, Any]:
    response = client.post(MATRIX, json=body)
    assert response.status_code == status, response.text
    assert response.headers["Content-Type"] == "application/problem+json"
    problem: dict[str, Any] = response.json()
    return problem


def pointer_of(client: Client, **body: Any) -> str:
    pointer: str = problem_of(client, 422, **body)["errors"][0]["pointer"]
    return pointer


def predicted(client: Client, pickup: Any, dropoff: Any, at: str = AT) -> dict[str, Any]:
    response = client.post("/v1/predictions", json={"pickup": pickup, "dropoff": dropoff, "pickup_at": at})
    answer: dict[str, Any] = response.json()
    return answer


def test_a_cell_is_what_is_predicted_for_its_trip(client: Client) -> None:
    origins, destinations = [HERE, THERE, JFK], [JFK, HERE]
    answer = matrix_of(client, origins=origins, destinations=destinations, pickup_at=AT)
    for row, pickup in enumerate(origins):
        for column, dropoff in enumerate(destinations):
            expected = predicted(client, pickup, dropoff)
            assert answer["durations_s"][row][column] == expected["duration_s"]
            assert answer["distances_km"][row][column] == expected["distance_km"]
    assert answer["departures"] == [AT]
    assert answer["model"] == expected["model"]


def test_where_no_destinations_are_given_they_are_the_origins(client: Client) -> None:
    places = [HERE, JFK]
    assert matrix_of(client, origins=places, pickup_at=AT) == matrix_of(
        client, origins=places, destinations=places, pickup_at=AT
    )


def test_for_each_departure_there_is_a_matrix(client: Client) -> None:
    departures = [AT, "2024-03-01T03:00:00", "2024-03-01T14:30:00Z"]
    answer = matrix_of(client, origins=[HERE, THERE], destinations=[JFK], departures=departures)
    assert answer["departures"] == [AT, "2024-03-01T03:00:00-05:00", "2024-03-01T14:30:00Z"]
    for at, rows in zip(departures, answer["durations_s"], strict=True):
        alone = matrix_of(client, origins=[HERE, THERE], destinations=[JFK], pickup_at=at)
        assert rows == alone["durations_s"]
        assert answer["distances_km"] == alone["distances_km"]


def test_one_departure_in_a_list_still_makes_a_list(client: Client) -> None:
    answer = matrix_of(client, origins=[HERE], destinations=[JFK], departures=[AT])
    [[[duration_s]]] = answer["durations_s"]
    assert [[duration_s]] == matrix_of(client, origins=[HERE], destinations=[JFK], pickup_at=AT)[
        "durations_s"
    ]


def test_departures_may_be_told_by_a_window(client: Client) -> None:
    window = {"from": "2024-03-10T01:30:00", "to": "2024-03-10T04:30:00-04:00", "every_min": 30}
    answer = matrix_of(client, origins=[HERE, THERE], departures=window)
    # Clocks are put forward at two.
    assert answer["departures"] == [
        "2024-03-10T01:30:00-05:00",
        *(f"2024-03-10T0{at}:00-04:00" for at in ("3:00", "3:30", "4:00", "4:30")),
    ]
    listed = matrix_of(client, origins=[HERE, THERE], departures=answer["departures"])
    assert listed["durations_s"] == answer["durations_s"]
    hourly = {"from": AT, "to": "2024-03-01T12:00:00-05:00"}
    assert len(matrix_of(client, origins=[HERE], departures=hourly)["departures"]) == 4


def test_a_window_that_is_none_is_pointed_at(client: Client) -> None:
    def window(**parts: Any) -> dict[str, Any]:
        return {"from": AT, "to": "2024-03-01T12:00:00-05:00", **parts}

    assert pointer_of(client, origins=[HERE], departures=window(to="2024-03-01T08:00")) == "#/departures/to"
    assert pointer_of(client, origins=[HERE], departures=window(to="soon")) == "#/departures/to"
    skipped = window(**{"from": "2024-03-10T02:30:00"})
    assert pointer_of(client, origins=[HERE], departures=skipped) == "#/departures/from"
    assert pointer_of(client, origins=[HERE], departures=window(every_min=0)) == "#/departures/every_min"
    assert pointer_of(client, origins=[HERE], departures={"from": AT}) == "#/departures/to"
    assert pointer_of(client, origins=[HERE], departures=window(), pickup_at=AT) == "#"
    problem = problem_of(client, 413, origins=[HERE], departures=window(to="2024-03-05T12:00"))
    assert "within 48 hours" in problem["detail"]


def test_without_a_departure_the_trips_leave_now(client: Client) -> None:
    assert matrix_of(client, origins=[HERE, JFK])["departures"] == ["2023-01-15T12:00:00-05:00"]


def test_a_place_outside_the_city_is_null_and_no_error(client: Client) -> None:
    answer = matrix_of(client, origins=[HERE, IN_THE_SEA], destinations=[IN_THE_SEA, THERE], pickup_at=AT)
    for name in ("durations_s", "distances_km"):
        [[first, number], others] = answer[name]
        assert first is None
        assert number > 0
        assert others == [None, None]


def test_equal_points_are_a_round_trip(client: Client) -> None:
    answer = matrix_of(client, origins=[HERE, HERE], pickup_at=AT)
    duration_s = predicted(client, HERE, HERE)["duration_s"]
    assert answer["durations_s"] == [[duration_s] * 2] * 2
    assert answer["distances_km"] == [[0.0] * 2] * 2


def test_messagepack_says_the_same(client: Client) -> None:
    body = {"origins": [HERE, IN_THE_SEA, JFK], "departures": [AT, "2024-07-01T08:00:00-04:00"]}
    response = client.post(
        MATRIX,
        content=msgspec.msgpack.encode(body),
        headers={"Content-Type": "application/msgpack", "Accept": "application/msgpack"},
    )
    answer, expected = msgspec.msgpack.decode(response.content), matrix_of(client, **body)
    assert [answer[name] for name in ("durations_s", "distances_km")] == [
        expected[name] for name in ("durations_s", "distances_km")
    ]


def test_what_is_wrong_is_pointed_at(client: Client) -> None:
    assert pointer_of(client, origins=[HERE, JFK, THERE, {"zone": 999}]) == "#/origins/3/zone"
    assert pointer_of(client, origins=[HERE], destinations=[{"zone": 999}]) == "#/destinations/0/zone"
    assert pointer_of(client, origins=[HERE, {"lat": 91, "lon": 0}]) == "#/origins/1/lat"
    assert pointer_of(client, origins=[HERE], departures=[AT, "soon"]) == "#/departures/1"
    assert pointer_of(client, origins=[HERE], departures=[AT, "2024-03-10T02:30:00"]) == "#/departures/1"
    assert pointer_of(client, origins=[HERE], pickup_at="2024-11-03T01:30:00") == "#/pickup_at"
    assert pointer_of(client, origins=[]) == "#/origins"
    assert pointer_of(client, origins=[HERE], destinations=[]) == "#/destinations"
    assert pointer_of(client, origins=[HERE], departures=[]) == "#/departures"
    assert pointer_of(client, origins=[HERE], departures=[AT], pickup_at=AT) == "#"
    assert pointer_of(client, origins=[HERE], profile="car") == "#/profile"


def test_a_departure_beyond_the_calendar_is_refused(client: Client) -> None:
    problem = problem_of(client, 422, origins=[HERE], pickup_at="1999-12-31T08:00:00Z")
    assert problem["type"] == "/problems/invalid-trip"
    assert problem["errors"][0]["pointer"] == "#/pickup_at"
    assert pointer_of(client, origins=[HERE], departures=[AT, "2100-03-01T08:00Z"]) == "#/departures/1"


def test_more_than_is_answered_at_once_is_refused(serve: Serve) -> None:
    with serve(max_items=5) as client:
        assert len(matrix_of(client, origins=[HERE] * 2, destinations=[THERE] * 3)["durations_s"]) == 2
        problem = problem_of(client, 413, origins=[HERE] * 3, destinations=[THERE] * 3)
        assert problem["type"] == "/problems/too-much"
        assert "at most 5" in problem["detail"]


def test_more_cells_than_are_answered_at_once_are_refused(client: Client) -> None:
    problem = problem_of(client, 413, origins=[HERE] * 101, departures=[AT])
    assert problem["type"] == "/problems/too-much"
    assert "10,201 cells; at most 10,000" in problem["detail"]


def test_the_time_that_the_model_took_is_told(client: Client) -> None:
    response = client.post(MATRIX, json={"origins": [HERE, JFK]})
    assert "model;dur=" in response.headers["Server-Timing"]
