"""A monitor of its own process joins what was answered with what came of it, in the database of a service."""

import json
import socket
import subprocess
import sys

import httpx
from prometheus_client.parser import text_string_to_metric_families

from asking import asking
from journeys.conftest import Deployment
from waiting import until

TRIPS = 250
MEASURES = ("mae", "bias", "coverage")


def a_trip(number: int) -> dict[str, object]:
    return {
        "pickup": {"lat": 40.7614, "lon": -73.9776},
        "dropoff": {"lat": 40.70 + number / 5_000, "lon": -73.9855},
    }


def figures(port: int) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """What is served once somebody has looked."""

    def has_looked() -> bool:
        try:
            return asking.get(f"http://127.0.0.1:{port}/health/ready").is_success
        except httpx.TransportError:
            return False

    until(has_looked, "somebody has looked")
    text = asking.get(f"http://127.0.0.1:{port}/metrics").text
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


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
        until(lambda: not any((deployment.home / "spool").glob("*.part")), "all of them are in the log")

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

        def newest() -> dict[str, str]:
            entry: dict[str, str] = deployment.json("journal", "--json")[0]
            return entry if entry["deed"] == "out-of-band" else {}

        assert until(newest, "it is in the journal")["actor"] == "monitor"
    finally:
        monitor.terminate()
        assert monitor.wait(30) == 130
