"""Triton's own client speaks to the service, and gets the numbers that everybody gets."""

from collections.abc import Iterator
from datetime import UTC, datetime

import httpx
import numpy as np
import pytest
import tritonclient.http as triton
from tritonclient.utils import InferenceServerException

MODEL = "taxi-duration"
AT_S = 1_709_299_800
TRIPS = {
    "pickup_lat": np.array([40.758, 40.7075, 40.7769]),
    "pickup_lon": np.array([-73.9855, -74.0113, -73.9493]),
    "dropoff_lat": np.array([40.6465, 40.7505, 40.758]),
    "dropoff_lon": np.array([-73.7865, -73.9934, -73.9855]),
    "pickup_at": np.array([AT_S, AT_S - 5 * 3600, AT_S + 9 * 3600]),
}


@pytest.fixture
def client(served: httpx.Client) -> Iterator[triton.InferenceServerClient]:
    with triton.InferenceServerClient(f"{served.base_url.host}:{served.base_url.port}") as client:
        yield client


def inputs(*, binary: bool) -> list[triton.InferInput]:
    tensors = []
    for name, values in TRIPS.items():
        tensor = triton.InferInput(name, values.shape, "INT64" if name == "pickup_at" else "FP64")
        tensor.set_data_from_numpy(values, binary_data=binary)
        tensors.append(tensor)
    return tensors


def test_the_client_finds_the_service_live_and_the_model_ready(client: triton.InferenceServerClient) -> None:
    assert client.is_server_live()
    assert client.is_server_ready()
    assert "binary_tensor_data" in client.get_server_metadata()["extensions"]
    [version] = client.get_model_metadata(MODEL)["versions"]
    assert client.is_model_ready(MODEL)
    assert client.is_model_ready(MODEL, version)
    assert not client.is_model_ready(MODEL, "99")
    assert {each["name"] for each in client.get_model_metadata(MODEL)["inputs"]} == set(TRIPS)


@pytest.mark.parametrize("binary", [False, True])
def test_a_client_that_packs_its_requests_is_told_not_to(
    client: triton.InferenceServerClient, binary: bool
) -> None:
    with pytest.raises(InferenceServerException, match="without a Content-Encoding") as refusal:
        client.infer(MODEL, inputs(binary=binary), request_compression_algorithm="gzip")
    assert refusal.value.status() == "415"


@pytest.mark.parametrize("binary", [False, True])
def test_tensors_get_the_answers_that_single_trips_get(
    client: triton.InferenceServerClient, served: httpx.Client, binary: bool
) -> None:
    outputs = [
        triton.InferRequestedOutput(name, binary_data=binary) for name in ("duration_s", "lower_s", "upper_s")
    ]
    found = client.infer(MODEL, inputs(binary=binary), outputs=outputs, request_id="7")
    assert found.get_response()["id"] == "7"
    columns = [found.as_numpy(output.name()) for output in outputs]
    for trip, answered in zip(zip(*TRIPS.values(), strict=True), zip(*columns, strict=True), strict=True):
        pickup_lat, pickup_lon, dropoff_lat, dropoff_lon, at_s = trip
        answer = served.post(
            "/v1/predictions",
            json={
                "pickup": {"lat": pickup_lat, "lon": pickup_lon},
                "dropoff": {"lat": dropoff_lat, "lon": dropoff_lon},
                "pickup_at": datetime.fromtimestamp(int(at_s), UTC).isoformat(),
            },
        ).json()
        interval = answer["interval"]
        assert answered == pytest.approx(
            (answer["duration_s"], interval["lower_s"], interval["upper_s"]), abs=0.0011
        )


def test_without_wishes_everything_comes_as_bytes_at_the_coverage_asked_for(
    client: triton.InferenceServerClient,
) -> None:
    narrow, wide = (
        client.infer(MODEL, inputs(binary=True), parameters={"coverage": coverage})
        for coverage in (0.5, 0.95)
    )
    assert all("binary_data_size" in output["parameters"] for output in narrow.get_response()["outputs"])
    assert np.array_equal(narrow.as_numpy("duration_s"), wide.as_numpy("duration_s"))
    assert (wide.as_numpy("lower_s") < narrow.as_numpy("lower_s")).all()
    assert (wide.as_numpy("upper_s") > narrow.as_numpy("upper_s")).all()


def test_what_is_wrong_reaches_whoever_uses_the_client(client: triton.InferenceServerClient) -> None:
    asked = inputs(binary=True)
    asked[0].set_data_from_numpy(np.array([40.7, np.nan, 40.7]))
    with pytest.raises(InferenceServerException, match="trip 1: pickup nan") as raised:
        client.infer(MODEL, asked)
    assert raised.value.status() == "400"
