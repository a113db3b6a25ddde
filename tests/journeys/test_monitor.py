"""A monitor of its own process joins what was answered with what came of it, in the database of a service."""

import json
import socket
import subprocess
import sys
import time

import httpx
from prometheus_client.parser import text_string_to_metric_families

from journeys.conftest import Deployment

TRIPS = 250
MEASURES = ("mae", "bias", "coverage")
PATIENCE_S = 60.0


def a_trip(number: int) -> dict[str, object]:
    return {
        "pickup": {"lat": 40.7614, "lon": -73.9776},
        "dropoff": {"lat": 40.70 + number / 5_000, "lon": -73.9855},
    }


def figures(port: int) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """What is served once somebody has looked."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        try:
            if httpx.get(f"http://127.0.0.1:{port}/health/ready").is_success:
                text = httpx.get(f"http://127.0.0.1:{port}/metrics").text
                return {
                    (sample.name, frozenset(sample.labels.items())): sample.value
                    for family in text_string_to_metric_families(text)
                    for sample in family.samples
                }
        except httpx.TransportError:
            pass
        time.sleep(0.2)
    raise AssertionError("nobody looked")


def test_trips_that_took_far_longer_ring(deployment: Deployment) -> None:
    """The command says so by its exit code, the process by its figures and in the journal."""
    key = deployment.run("keys", "create", "board", "--scope", "predict", "--scope", "outcomes").strip()
    with deployment.serving() as api:
        api.headers["Authorization"] = f"Bearer {key}"
        answer = api.post("/v1/predictions/batch", json={"trips": [a_trip(n) for n in range(TRIPS)]})
        assert answer.is_success, answer.text
        told = answer.json()["predictions"]
        reports = [
            {"prediction_id": one["prediction_id"], "duration_s": one["duration_s"] * 2.5} for one in told
        ]
        kept = api.post("/v1/outcomes/batch", json={"outcomes": reports})
        assert kept.is_success, kept.text
        deadline = time.monotonic() + PATIENCE_S
        while any((deployment.home / "spool").glob("*.part")):  # not all of them are in the log yet
            assert time.monotonic() < deadline
            time.sleep(0.1)

    report = json.loads(deployment.run("monitor", "--once", "--json", code=3))
    [state] = [state for state in report["versions"] if state["version"] == report["champion"]]
    assert set(state["out_of_band"]) == set(MEASURES)
    version = str(report["champion"])

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {**deployment.environment, "TAXI_MONITOR_PORT": str(port), "TAXI_MONITOR_EVERY_S": "1"}
    monitor = subprocess.Popen([sys.executable, "-m", "taxi_predictor", "monitor"], env=environment)
    try:
        served = figures(port)
        for measure in MEASURES:
            out = ("taxi_live_out_of_band", frozenset({("version", version), ("measure", measure)}))
            assert served[out] == 1
        whole = frozenset({("version", version), ("slice", "all"), ("window", "1d")})
        assert served["taxi_live_trips", whole] >= TRIPS
        deadline = time.monotonic() + PATIENCE_S
        while (entries := deployment.json("journal", "--json"))[0]["deed"] != "out-of-band":
            assert time.monotonic() < deadline
            time.sleep(0.2)
        assert entries[0]["actor"] == "monitor"
    finally:
        monitor.terminate()
        assert monitor.wait(30) == 130
