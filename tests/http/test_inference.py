"""The Open Inference Protocol: what it tells, what it answers, and how it refuses."""

import gzip
import json
import math
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from litestar import Litestar
from litestar.testing import TestClient

from taxi_predictor.adapters.http.inference.trips import INPUTS
from taxi_predictor.ports.outbound.shelf import ModelShelf
from taxi_predictor.ports.testing.strategies import A_CITY

Client = TestClient[Litestar]
Serve = Callable[..., AbstractContextManager[Client]]
MODEL = "/v2/models/taxi-duration"
AT_S = 1_709_299_800  # 2024-03-01 08:30 in New York
LAYOUTS = {"FP64": "<f8", "FP32": "<f4", "INT64": "<i8", "INT32": "<i4"}

TRIPS = {
    "pickup_lat": [40.75, 40.7],
    "pickup_lon": [-73.98, -73.99],
    "dropoff_lat": [40.78, 40.8],
    "dropoff_lon": [-73.935, -73.95],
    "pickup_at": [AT_S, AT_S + 3600],
}


def a_tensor(name: str, data: list[Any], /, **changes: Any) -> dict[str, Any]:
    return {
        "name": name,
        "shape": [len(data)],
        "datatype": INPUTS.get(name, ["FP64"])[0],
        "data": data,
        **changes,
    }


def asking(**changes: Any) -> dict[str, Any]:
    """Two trips; with another value for an input or a field of the request, None to leave it out."""
    inputs = {**TRIPS, **{name: value for name, value in changes.items() if name in INPUTS}}
    fields = {name: value for name, value in changes.items() if name not in INPUTS}
    return {"inputs": [a_tensor(name, data) for name, data in inputs.items() if data is not None], **fields}


def outputs_of(response: Any) -> dict[str, list[float]]:
    assert response.status_code == 200, response.text
    return {output["name"]: output["data"] for output in response.json()["outputs"]}


def error_of(response: Any, status: int = 400) -> str:
    assert response.status_code == status, response.text
    assert response.headers["Content-Type"] == "application/json"
    body = response.json()
    assert body.keys() == {"error"}
    return str(body["error"])


def predicted(client: Client, **trip: Any) -> tuple[float, float, float]:
    answer = client.post("/v1/predictions", json=trip).json()
    return answer["duration_s"], answer["interval"]["lower_s"], answer["interval"]["upper_s"]


def test_the_server_says_what_it_is(client: Client) -> None:
    metadata = client.get("/v2").json()
    assert metadata["name"] == "taxi-predictor"
    assert metadata["extensions"] == ["binary_tensor_data"]
    assert client.get("/v2/health/live").json() == {"live": True}
    assert client.get("/v2/health/ready").json() == {"ready": True}


@pytest.mark.parametrize("path", [MODEL, f"{MODEL}/versions/3"])
def test_the_model_says_what_it_takes_and_gives(client: Client, path: str) -> None:
    metadata = client.get(path).json()
    assert (metadata["name"], metadata["versions"]) == ("taxi-duration", ["3"])
    assert metadata["platform"] == "constant-speed"
    assert {(each["name"], each["datatype"]) for each in metadata["inputs"]} == {
        *((name, "FP64") for name in TRIPS if name != "pickup_at"),
        ("pickup_at", "INT64"),
    }
    assert [each["name"] for each in metadata["outputs"]] == ["duration_s", "lower_s", "upper_s"]
    assert all(each["shape"] == [-1] for each in metadata["inputs"] + metadata["outputs"])
    assert client.get(f"{path}/ready").json() == {"name": "taxi-duration", "ready": True}


@pytest.mark.parametrize("path", ["/v2/models/other", f"{MODEL}/versions/2", f"{MODEL}/versions/x"])
def test_only_what_serves_is_there(client: Client, path: str) -> None:
    for response in (
        client.get(path),
        client.get(f"{path}/ready"),
        client.post(f"{path}/infer", json=asking()),
    ):
        assert "other" in error_of(response, 404) or "does not serve; 3 does" in error_of(response, 404)


def test_the_name_is_that_of_the_deployment(serve: Serve) -> None:
    with serve(model_name="cabs") as client:
        assert client.get("/v2/models/cabs/ready").is_success
        error_of(client.get(MODEL), 404)


def test_without_a_champion_nothing_is_ready(serve: Serve, empty_shelf: ModelShelf) -> None:
    with serve(shelf=empty_shelf) as client:
        for path in ("/v2/health/ready", MODEL, f"{MODEL}/ready"):
            response = client.get(path)
            error_of(response, 503)
            assert int(response.headers["Retry-After"]) > 0
        error_of(client.post(f"{MODEL}/infer", json=asking()), 503)
        assert client.get("/v2/health/live").is_success


@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_the_numbers_are_those_of_a_prediction(client: Client, data: st.DataObject) -> None:
    bounds = A_CITY.bounds
    lat = st.floats(bounds.south_deg, bounds.north_deg)
    lon = st.floats(bounds.west_deg, bounds.east_deg)
    instant = st.integers(946_684_800, 4_102_444_799)
    trips = data.draw(st.lists(st.tuples(lat, lon, lat, lon, instant), min_size=1, max_size=3))
    coverage = data.draw(st.sampled_from([0.5, 0.8, 0.95]))
    columns = dict(zip(TRIPS, map(list, zip(*trips, strict=True)), strict=True))
    found = outputs_of(
        client.post(f"{MODEL}/infer", json=asking(**columns, parameters={"coverage": coverage}))
    )
    for trip, answer in zip(trips, zip(*found.values(), strict=True), strict=True):
        at = datetime.fromisoformat("1970-01-01T00:00:00+00:00") + timedelta(seconds=trip[4])
        expected = predicted(
            client,
            pickup={"lat": trip[0], "lon": trip[1]},
            dropoff={"lat": trip[2], "lon": trip[3]},
            pickup_at=at.isoformat(),
            coverage=coverage,
        )
        assert answer == pytest.approx(expected, abs=0.001)


def test_zones_stand_for_their_centroids_and_passengers_may_be_said(client: Client) -> None:
    by_zone = asking(
        pickup_lat=None,
        pickup_lon=None,
        pickup_zone=[132, 161],
        passenger_count=[2, 0],
        pickup_at=[AT_S, AT_S],
    )
    found = outputs_of(client.post(f"{MODEL}/infer", json=by_zone))
    expected = predicted(
        client,
        pickup={"zone": 132},
        dropoff={"lat": 40.78, "lon": -73.935},
        pickup_at="2024-03-01T08:30:00-05:00",
        passenger_count=2,
    )
    assert (found["duration_s"][0], found["lower_s"][0], found["upper_s"][0]) == expected


@pytest.mark.parametrize(
    "changed",
    [
        lambda tensor: {**tensor, "shape": [2, 1]},
        lambda tensor: {**tensor, "shape": [2, 1], "data": [[value] for value in tensor["data"]]},
        lambda tensor: {**tensor, "parameters": {"anything": 1}, "priority": 2},
    ],
)
def test_a_column_may_be_written_as_clients_do(client: Client, changed: Callable[[Any], Any]) -> None:
    usual = outputs_of(client.post(f"{MODEL}/infer", json=asking()))
    other = {"inputs": [changed(tensor) for tensor in asking()["inputs"]]}
    assert outputs_of(client.post(f"{MODEL}/infer", json=other)) == usual


def test_the_answer_has_the_id_and_the_outputs_that_were_asked_for(client: Client) -> None:
    response = client.post(
        f"{MODEL}/versions/3/infer",
        json=asking(id="a/7", outputs=[{"name": "upper_s"}, {"name": "duration_s"}]),
    )
    answer = response.json()
    assert (answer["id"], answer["model_name"], answer["model_version"]) == ("a/7", "taxi-duration", "3")
    assert [(each["name"], each["shape"], each["datatype"]) for each in answer["outputs"]] == [
        ("upper_s", [2], "FP64"),
        ("duration_s", [2], "FP64"),
    ]
    assert "id" not in client.post(f"{MODEL}/infer", json=asking()).json()
    assert "model" in response.headers["Server-Timing"]


# --- the binary tensor extension ---


def binary_request(
    asked: dict[str, Any], *, datatypes: dict[str, str] | None = None, cut: int = 0
) -> dict[str, Any]:
    """The same request with its tensors as bytes after the JSON."""
    inputs, following = [], b""
    for tensor in asked["inputs"]:
        datatype = (datatypes or {}).get(tensor["name"], tensor["datatype"])
        content = np.array(tensor["data"], dtype=LAYOUTS[datatype]).tobytes()
        inputs.append(
            {
                "name": tensor["name"],
                "shape": tensor["shape"],
                "datatype": datatype,
                "parameters": {"binary_data_size": len(content)},
            }
        )
        following += content
    head = json.dumps({**asked, "inputs": inputs}).encode()
    return {
        "content": head + following[: len(following) - cut],
        "headers": {"Inference-Header-Content-Length": str(len(head))},
    }


def test_tensors_go_both_ways_as_bytes(client: Client) -> None:
    usual = outputs_of(client.post(f"{MODEL}/infer", json=asking()))
    wanted = [
        {"name": "lower_s", "parameters": {"binary_data": False}},
        {"name": "upper_s"},
        {"name": "duration_s"},
    ]
    asked = asking(id="9", outputs=wanted, parameters={"binary_data_output": True})
    response = client.post(f"{MODEL}/infer", **binary_request(asked))
    assert response.status_code == 200, response.text
    length = int(response.headers["Inference-Header-Content-Length"])
    assert response.headers["Content-Type"] == "application/octet-stream"
    answer, following = json.loads(response.content[:length]), response.content[length:]
    assert answer["id"] == "9"
    lower, upper, duration = answer["outputs"]
    assert lower["data"] == usual["lower_s"]
    assert [each["parameters"] for each in (upper, duration)] == [{"binary_data_size": 16}] * 2
    assert "data" not in upper
    assert np.frombuffer(following, "<f8").tolist() == usual["upper_s"] + usual["duration_s"]


def test_narrow_numbers_are_taken_too(client: Client) -> None:
    asked = asking(passenger_count=[1, 2], outputs=[{"name": "duration_s"}])
    narrow = {"pickup_lat": "FP32", "pickup_lon": "FP32", "passenger_count": "INT32", "pickup_at": "FP64"}
    usual = outputs_of(client.post(f"{MODEL}/infer", json=asked))["duration_s"]
    near = outputs_of(client.post(f"{MODEL}/infer", **binary_request(asked, datatypes=narrow)))["duration_s"]
    assert near == pytest.approx(usual, abs=0.5)
    assert near != usual


@pytest.mark.parametrize("length", ["", "-1", "1e3", "9999999", "9" * 5_000, "٣", "10"])
def test_a_length_of_json_that_is_wrong_is_refused(client: Client, length: str) -> None:
    request = binary_request(asking())
    request["headers"] = {"Inference-Header-Content-Length": length.encode()}
    error_of(client.post(f"{MODEL}/infer", **request))


def test_bytes_that_are_missing_or_too_many_are_refused(client: Client) -> None:
    assert "only 15 follow" in error_of(client.post(f"{MODEL}/infer", **binary_request(asking(), cut=1)))
    request = binary_request(asking())
    request["content"] += b"\0"
    assert "81 bytes follow" in error_of(client.post(f"{MODEL}/infer", **request))
    request = binary_request(asking())
    del request["headers"]
    error_of(client.post(f"{MODEL}/infer", **request))


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e308])
@pytest.mark.parametrize("name", ["pickup_lat", "dropoff_lon", "pickup_at"])
def test_what_is_no_number_names_its_trip(client: Client, name: str, value: float) -> None:
    asked = asking(**{name: [TRIPS[name][0], value]})
    request = binary_request(asked, datatypes={"pickup_at": "FP64"})
    assert "trip 1: " in error_of(client.post(f"{MODEL}/infer", **request))


# --- refusals ---

WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "outside": (asking(dropoff_lat=[40.78, 12.0]), "trip 1: dropoff 12.0"),
    "before": (asking(pickup_at=[946_684_799, AT_S]), "trip 0: pickup_at 946684799 is not between"),
    "after": (asking(pickup_at=[AT_S, 2**62]), "trip 1: pickup_at"),
    "zone": (asking(pickup_lat=None, pickup_lon=None, pickup_zone=[161, 7]), "trip 1: pickup_zone: zone 7"),
    "both": (asking(dropoff_zone=[161, 161]), "either dropoff_lat and dropoff_lon or dropoff_zone"),
    "half": (asking(pickup_lon=None), "pickup_lon is missing"),
    "nowhere": (asking(pickup_lat=None, pickup_lon=None), "or give pickup_zone"),
    "never": (asking(pickup_at=None), "pickup_at is missing"),
    "crowd": (asking(passenger_count=[1, 10]), "trip 1: passenger_count 10"),
    "unequal": (asking(pickup_at=[AT_S]), "pickup_at 1"),
    "none": ({"inputs": []}, "pickup_at is missing"),
    "empty": (asking(**{name: [] for name in TRIPS}), "not [0]"),
    "unknown input": ({"inputs": [a_tensor("fare", [1.0])]}, "no input 'fare'"),
    "twice": ({"inputs": asking()["inputs"] * 2}, "twice"),
    "datatype": (
        {"inputs": [a_tensor("pickup_at", [1], datatype="BYTES")]},
        "pickup_at is INT64 or FP64, not 'BYTES'",
    ),
    "text": ({"inputs": [a_tensor("pickup_lat", ["40.75"])]}, "pickup_lat is not FP64 throughout"),
    "null": ({"inputs": [a_tensor("pickup_lat", [None])]}, "pickup_lat is not FP64 throughout"),
    "fraction": ({"inputs": [a_tensor("pickup_zone", [1.5])]}, "pickup_zone is not INT64 throughout"),
    "huge": ({"inputs": [a_tensor("pickup_zone", [2**63])]}, "pickup_zone is not INT64 throughout"),
    "object": ({"inputs": [a_tensor("pickup_lat", [1.0], data={"a": 1})]}, "pickup_lat is not FP64"),
    "deep": ({"inputs": [a_tensor("pickup_lat", [1.0], data=[[[1.0]]])]}, "pickup_lat is not FP64"),
    "no data": ({"inputs": [{"name": "pickup_lat", "shape": [1], "datatype": "FP64"}]}, "neither data nor"),
    "shape": ({"inputs": [a_tensor("pickup_lat", [1.0, 2.0], shape=[1, 2])]}, "[trips] or [trips, 1]"),
    "count": ({"inputs": [a_tensor("pickup_lat", [1.0], shape=[2])]}, "2 values, not 1"),
    "wide rows": (
        {"inputs": [a_tensor("pickup_lat", [1.0], shape=[2, 1], data=[[1.0, 2.0], []])]},
        "Expected `array` of length",
    ),
    "output": (asking(outputs=[{"name": "fare"}]), "no output 'fare'"),
    "output twice": (asking(outputs=[{"name": "lower_s"}] * 2), "lower_s is asked for twice"),
    "coverage": (asking(parameters={"coverage": 1.0}), "#/parameters/coverage"),
    "no inputs": ({}, "inputs"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_refused_in_the_protocol_s_shape(client: Client, case: str) -> None:
    sent, expected = WRONG[case]
    assert expected in error_of(client.post(f"{MODEL}/infer", json=sent))


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff", b"[" * 100_000, b'{"inputs": NaN}'])
def test_what_is_no_request_is_refused(client: Client, content: bytes) -> None:
    error_of(client.post(f"{MODEL}/infer", content=content))


def test_a_long_error_is_cut(client: Client) -> None:
    assert len(error_of(client.post(f"{MODEL}/infer", json={"inputs": [a_tensor("x" * 9_000, [1.0])]}))) < 600


def test_more_than_is_answered_at_once_is_refused(serve: Serve) -> None:
    with serve(max_items=1) as client:
        assert "2 trips; at most 1" in error_of(client.post(f"{MODEL}/infer", json=asking()), 413)
    with serve(max_body_bytes=1_024) as client:
        error_of(client.post(f"{MODEL}/infer", content=b" " * 1_025), 413)


def test_the_zones_may_be_unknown_altogether(serve: Serve) -> None:
    with serve(zones=None) as client:
        sent = asking(pickup_lat=None, pickup_lon=None, pickup_zone=[161, 132])
        assert "trip 1: pickup_zone" in error_of(client.post(f"{MODEL}/infer", json=sent))


@pytest.mark.parametrize(
    "content", [json.dumps(asking()).encode(), gzip.compress(b"{}")], ids=["plain", "packed"]
)
def test_what_is_packed_is_refused_as_such(client: Client, content: bytes) -> None:
    headers = {"Content-Encoding": "gzip", "Inference-Header-Content-Length": str(len(content) + 1)}
    response = client.post(f"{MODEL}/infer", content=content, headers=headers)
    assert "without a Content-Encoding" in error_of(response, 415)
    headers = {"Content-Encoding": "identity"}
    assert client.post(f"{MODEL}/infer", json=asking(), headers=headers).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v2/nowhere", 404),
        ("GET", f"{MODEL}/versions/3/nowhere/else", 404),
        ("POST", "/v2/repository/index", 404),
        ("GET", f"{MODEL}/infer", 405),
        ("DELETE", "/v2", 405),
    ],
)
def test_what_nobody_answers_is_refused_in_the_protocols_form(
    client: Client, method: str, path: str, status: int
) -> None:
    assert error_of(client.request(method, path), status)
