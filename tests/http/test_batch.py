"""POST /v1/predictions/batch: many trips in one body, or as lines."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any

import msgspec
import pytest
from litestar import Litestar
from litestar.testing import TestClient

from taxi_predictor.adapters.http.lines import GROUP_ITEMS, MAX_LINE_BYTES
from taxi_predictor.ports.outbound.shelf import ModelShelf

Client = TestClient[Litestar]
Serve = Callable[..., AbstractContextManager[Client]]
BATCH, PREDICTIONS = "/v1/predictions/batch", "/v1/predictions"
NDJSON = "application/x-ndjson"
WRONG: list[tuple[Any, str, str]] = [
    ({}, "/problems/invalid-body", "/pickup"),
    (5, "/problems/invalid-body", ""),
    ({"pickup": {"lat": 95, "lon": 0}}, "/problems/invalid-body", "/pickup/lat"),
    ({"colour": "yellow"}, "/problems/invalid-body", "/colour"),
]


def answer_of(client: Client, **body: Any) -> dict[str, Any]:
    response = client.post(BATCH, json=body)
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


def lines_of(client: Client, lines: Sequence[bytes], *, media_type: str = NDJSON) -> list[dict[str, Any]]:
    response = client.post(BATCH, content=b"\n".join(lines), headers={"Content-Type": media_type})
    assert response.status_code == 200, response.text
    assert response.headers["Content-Type"] == NDJSON
    return [msgspec.json.decode(line) for line in response.content.splitlines()]


def without_id(answer: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in answer.items() if name != "prediction_id"}


def alone(client: Client, trip: dict[str, Any]) -> dict[str, Any]:
    response = client.post(PREDICTIONS, json=trip)
    assert response.status_code == 200
    return without_id(response.json())


@pytest.fixture
def trips(body: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        body,
        body | {"dropoff": {"zone": 132}, "passenger_count": 2},
        body | {"pickup_at": "2024-03-01T03:00:00"},
        {"pickup": {"zone": 161}, "dropoff": {"zone": 132}, "coverage": 0.5},
    ]


def test_each_trip_is_answered_as_if_it_were_alone(client: Client, trips: list[dict[str, Any]]) -> None:
    answer = answer_of(client, trips=trips)
    assert [without_id(found) for found in answer["predictions"]] == [alone(client, trip) for trip in trips]
    assert answer["problems"] == 0


def test_each_prediction_has_an_id_of_its_own(client: Client, body: dict[str, Any]) -> None:
    ids = [found["prediction_id"] for found in answer_of(client, trips=[body] * 300)["predictions"]]
    assert len(set(ids)) == 300


def test_the_coverage_of_the_batch_holds_where_a_trip_names_none(
    client: Client, body: dict[str, Any]
) -> None:
    answer = answer_of(client, trips=[body, body | {"coverage": 0.8}], coverage=0.5)
    coverages = [found["interval"]["coverage"] for found in answer["predictions"]]
    assert coverages == [0.5, 0.8]
    [usual] = answer_of(client, trips=[body])["predictions"]
    assert usual["interval"]["coverage"] == 0.8


@pytest.mark.parametrize(("wrong", "slug", "pointer"), WRONG)
def test_a_wrong_trip_is_its_own_problem_and_spoils_no_other(
    client: Client, body: dict[str, Any], wrong: Any, slug: str, pointer: str
) -> None:
    wrong = body | wrong if isinstance(wrong, dict) and wrong else wrong
    answer = answer_of(client, trips=[body, wrong, body])
    first, problem, last = answer["predictions"]
    assert without_id(first) == without_id(last) == alone(client, body)
    assert problem["problem"]["type"] == slug
    assert problem["problem"]["status"] == 422
    assert problem["problem"]["errors"][0]["pointer"] == f"#/trips/1{pointer}"
    assert answer["problems"] == 1


def test_what_the_core_refuses_is_pointed_at_too(client: Client, body: dict[str, Any]) -> None:
    answer = answer_of(
        client,
        trips=[
            body | {"dropoff": {"zone": 999}},
            body | {"pickup": {"lat": 10, "lon": 10}},
            body | {"pickup_at": "2024-03-10T02:30:00"},
            body | {"pickup_at": "1999-03-10T02:30:00Z"},
            body | {"pickup": {"lat": 10}},
        ],
    )
    found = [
        (item["problem"]["type"].rpartition("/")[2], item["problem"]["errors"][0]["pointer"])
        for item in answer["predictions"]
    ]
    assert found == [
        ("unknown-zone", "#/trips/0/dropoff/zone"),
        ("invalid-trip", "#/trips/1/pickup"),
        ("skipped-hour", "#/trips/2/pickup_at"),
        ("invalid-trip", "#/trips/3/pickup_at"),
        ("invalid-body", "#/trips/4/pickup"),
    ]
    assert answer["problems"] == 5


def test_text_that_cannot_be_read_is_its_trips_problem(client: Client, body: dict[str, Any]) -> None:
    content = b'{"trips": [' + msgspec.json.encode(body) + b', {"pickup": "\xff"}, {"\xff": 1}]}'
    response = client.post(BATCH, content=content, headers={"Content-Type": "application/json"})
    assert response.status_code == 200
    good, *others = response.json()["predictions"]
    assert without_id(good) == alone(client, body)
    assert {item["problem"]["errors"][0]["pointer"][:8] for item in others} == {"#/trips/"}


def test_more_trips_than_one_group_keep_their_order(client: Client, body: dict[str, Any]) -> None:
    coverages = [0.1 + number / 1000 for number in range(GROUP_ITEMS * 2 + 1)]
    many = [body | {"coverage": coverage} for coverage in coverages]
    many[GROUP_ITEMS] = {}
    found = answer_of(client, trips=many)["predictions"]
    assert "problem" in found.pop(GROUP_ITEMS)
    del coverages[GROUP_ITEMS]
    assert [answer["interval"]["coverage"] for answer in found] == coverages


def test_no_trips_have_no_predictions(client: Client) -> None:
    assert answer_of(client, trips=[]) == {"predictions": [], "problems": 0}
    assert lines_of(client, []) == []


@pytest.mark.parametrize(
    ("body", "pointer"),
    [({}, "#/trips"), ({"trips": {}}, "#/trips"), ({"trips": [], "coverage": 2}, "#/coverage"), ([], "#")],
)
def test_a_batch_that_is_none_is_refused_whole(client: Client, body: Any, pointer: str) -> None:
    response = client.post(BATCH, json=body)
    assert response.status_code == 422
    assert response.json()["errors"][0]["pointer"] == pointer


def test_more_trips_than_are_answered_at_once_are_refused(serve: Serve, body: dict[str, Any]) -> None:
    with serve(max_items=3) as client:
        assert answer_of(client, trips=[body] * 3)["problems"] == 0
        response = client.post(BATCH, json={"trips": [body] * 4})
        assert response.status_code == 413
        assert response.json()["type"] == "/problems/too-much"
        # Lines have no such bound.
        assert len(lines_of(client, [msgspec.json.encode(body)] * 4)) == 4


def test_a_larger_body_than_allowed_is_refused_but_not_of_lines(serve: Serve, body: dict[str, Any]) -> None:
    with serve(max_body_bytes=2048) as client:
        assert client.post(BATCH, json={"trips": [body] * 30}).status_code == 413
        assert len(lines_of(client, [msgspec.json.encode(body)] * 30)) == 30


@pytest.mark.parametrize("media_type", ["application/json", NDJSON])
def test_without_a_champion_nothing_is_answered(
    serve: Serve, empty_shelf: ModelShelf, body: dict[str, Any], media_type: str
) -> None:
    content = {"application/json": {"trips": [body]}, NDJSON: body}[media_type]
    with serve(shelf=empty_shelf) as client:
        response = client.post(
            BATCH, content=msgspec.json.encode(content), headers={"Content-Type": media_type}
        )
        assert response.status_code == 503
        assert response.json()["type"] == "/problems/no-champion"


def test_a_batch_in_messagepack_is_answered_as_one_in_json(
    client: Client, trips: list[dict[str, Any]]
) -> None:
    trips = [*trips, {"pickup": 1}]
    headers = {"Content-Type": "application/msgpack", "Accept": "application/msgpack"}
    response = client.post(BATCH, content=msgspec.msgpack.encode({"trips": trips}), headers=headers)
    answer, expected = msgspec.msgpack.decode(response.content), answer_of(client, trips=trips)
    assert answer["problems"] == expected["problems"] == 1
    for one, other in zip(answer["predictions"], expected["predictions"], strict=True):
        assert one.get("duration_s") == other.get("duration_s")
        assert one.get("problem") == other.get("problem")


# --- lines ---


@pytest.mark.parametrize("media_type", [NDJSON, "application/jsonl", "application/x-ndjson; charset=utf-8"])
def test_each_line_is_answered_by_a_line(
    client: Client, trips: list[dict[str, Any]], media_type: str
) -> None:
    answers = lines_of(client, [msgspec.json.encode(trip) for trip in trips], media_type=media_type)
    assert [without_id(answer) for answer in answers] == [alone(client, trip) for trip in trips]


def test_a_wrong_line_is_a_problem_with_its_number(client: Client, body: dict[str, Any]) -> None:
    good = msgspec.json.encode(body)
    lines = [good, b"", b"nonsense", b" \t\r", b'{"pickup": 1}', good + b"\r", b'{"\xff": 1}']
    first, malformed, invalid, last, unreadable = lines_of(client, lines)
    assert without_id(first) == without_id(last) == alone(client, body)
    assert (malformed["line"], malformed["problem"]["type"]) == (3, "/problems/malformed-body")
    assert (invalid["line"], invalid["problem"]["errors"][0]["pointer"]) == (5, "#/pickup")
    assert unreadable["line"] == 7


def test_a_line_that_is_too_long_is_a_problem_and_the_next_is_not(
    client: Client, body: dict[str, Any]
) -> None:
    good = msgspec.json.encode(body)
    longest = good + b" " * (MAX_LINE_BYTES - len(good))
    whole, too_long, after = lines_of(client, [longest, longest + b" ", good])
    assert without_id(whole) == without_id(after) == alone(client, body)
    assert (too_long["line"], too_long["problem"]["status"]) == (2, 413)


def test_many_lines_keep_their_order(client: Client, body: dict[str, Any]) -> None:
    coverages = [0.1 + number / 2000 for number in range(GROUP_ITEMS * 3)]
    answers = lines_of(client, [msgspec.json.encode(body | {"coverage": c}) for c in coverages])
    assert [answer["interval"]["coverage"] for answer in answers] == coverages


def test_a_packed_body_is_refused_as_lines_too(client: Client) -> None:
    headers = {"Content-Type": NDJSON, "Content-Encoding": "gzip"}
    assert client.post(BATCH, content=b"\x1f\x8b", headers=headers).status_code == 415
