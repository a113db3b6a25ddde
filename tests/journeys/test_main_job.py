"""Trips in, a trained and promoted model out, the same duration from every face."""

import csv
import io
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import polars as pl

from journeys.conftest import SOURCE, TRIPS, Deployment
from servers import slow
from waiting import until

TRIP = {"pickup": {"lat": 40.7614, "lon": -73.9776}, "dropoff": {"lat": 40.6465, "lon": -73.7865}}
FLAGS = ("--pickup", "40.7614,-73.9776", "--dropoff", "40.6465,-73.7865")


def test_every_row_is_accounted_for_and_a_second_ingest_adds_nothing(deployment: Deployment) -> None:
    again = deployment.json("ingest", SOURCE, "--json")
    assert again["read"] == TRIPS
    assert again["added"] == 0
    assert again["read"] == again["known"] + sum(again["rejected"].values())
    stored = deployment.json("trips", "--json")
    assert sum(count["trips"] for count in stored["trips"]) == again["known"]
    assert sum(count["rows"] for count in stored["rejects"]) == sum(again["rejected"].values())


def test_an_evaluation_says_what_programs_ask_for_and_of_a_source_by_the_same_rules(
    deployment: Deployment,
) -> None:
    window = ("--from", "2024-02-20", "--to", "2024-03", "--json", "-")
    scores = deployment.json("evaluate", *window)
    named = {"model", "n", "mae_s", "rmse_s", "mape", "rmsle", "r2", "within_5_min", "coverage_80"}
    assert named | {"width_80_s", "slices"} <= scores.keys()
    assert scores["simulated"] is True
    assert scores["n"] > 1_000
    assert 0.7 < scores["coverage_80"] < 0.9
    assert scores["r2"] > 0.5
    source = deployment.json("evaluate", SOURCE, *window)
    assert source["n"] == scores["n"]
    assert abs(source["mae_s"] - scores["mae_s"]) < 1e-6


def test_http_and_command_line_and_files_give_the_same_duration(
    deployment: Deployment, served: httpx.Client, tmp_path: Path
) -> None:
    times = ["2024-03-04T08:30:00-05:00", "2024-03-10T01:59:00-05:00", "2024-07-04T23:15:00-04:00"]
    trips = pl.DataFrame(
        {
            "pickup_at": times,
            "pickup_lat": TRIP["pickup"]["lat"],
            "pickup_lon": TRIP["pickup"]["lon"],
            "dropoff_lat": TRIP["dropoff"]["lat"],
            "dropoff_lon": TRIP["dropoff"]["lon"],
        }
    )
    trips.write_csv(tmp_path / "trips.csv")
    rows = list(csv.DictReader(io.StringIO(deployment.run("predict", str(tmp_path / "trips.csv")))))
    for pickup_at, row in zip(times, rows, strict=True):
        answer = served.post("/v1/predictions", json={**TRIP, "pickup_at": pickup_at})
        assert answer.status_code == 200, answer.text
        # What was asked over HTTP has a name and is kept; the rest is the same to the byte.
        name = f'"prediction_id":"{answer.json()["prediction_id"]}","logged":true,'
        told = deployment.run("predict", *FLAGS, "--at", pickup_at, "--json")
        assert answer.text.replace(name, "") + "\n" == told
        assert float(row["duration_s"]) == answer.json()["duration_s"]
        assert float(row["lower_s"]) == answer.json()["interval"]["lower_s"]
        assert float(row["upper_s"]) == answer.json()["interval"]["upper_s"]


def test_an_answer_says_why_and_what_similar_trips_took(deployment: Deployment) -> None:
    question = ("predict", *FLAGS, "--at", "2024-02-28T08:30")
    bare = deployment.json(*question, "--json")
    answer = deployment.json(*question, "--explain", "--similar", "20", "--json")
    explanation, similar = answer.pop("explanation"), answer.pop("similar")
    assert answer == bare
    made_of = explanation["usual_s"] + sum(part["seconds"] for part in explanation["parts"])
    assert abs(made_of - answer["duration_s"]) < 0.01
    assert similar["considered"] >= len(similar["trips"]) == 20
    assert similar["p10_s"] <= similar["median_s"] <= similar["p90_s"]
    assert max(trip["pickup_at"] for trip in similar["trips"]) < "2024-02-28T13:30"
    said = deployment.run(*question, "--explain", "--similar", "20")
    assert f"of {similar['considered']:,} considered, 20 most similar took" in said
    causes = [line.split("  ")[0] for line in said.splitlines()]
    assert causes.index("the usual trip") < causes.index("distance") < causes.index("this trip")
    deployment.run("predict", *FLAGS, "--similar", "0", code=2)
    deployment.run("predict", "trips.csv", "--explain", code=2)


def test_the_command_line_measures_the_level_and_probes_a_version(deployment: Deployment) -> None:
    # The simulated trips ended long ago.
    assert "No stored trip ended in the last 56 days" in deployment.run("level")
    assert deployment.json("level", "--json")["trips"] == 0
    off = Deployment(deployment.home, {"TAXI_LIVE_LEVEL_EVERY_S": "0"})
    assert off.json("level", "--json")["is_on"] is False
    probed = deployment.json("sanity", "--model", "latest", "--rays", "20", "--json")
    assert {"finite", "speed", "rays", "FIFO", "years"} <= {check["name"] for check in probed["checks"]}
    assert all(check["passed"] for check in probed["checks"])
    deployment.run("sanity", "--rays", "0", code=2)


@slow
def test_a_promotion_reaches_the_running_api_and_a_rollback_takes_it_back(deployment: Deployment) -> None:
    question = {**TRIP, "pickup_at": "2024-03-04T08:30:00-05:00"}
    with deployment.serving() as api:

        def answer_by(version: int) -> dict[str, Any]:
            """Whoever serves looks every second."""

            def answer() -> dict[str, Any]:
                told: dict[str, Any] = api.post("/v1/predictions", json=question).json()
                return told if told["model"]["version"] == version else {}

            return until(answer, f"version {version} answers")

        first = answer_by(1)
        second = deployment.json("train", "--json")
        assert second["verdict"]["passed"], second["verdict"]
        deployment.run("promote", str(second["version"]))
        answer_by(second["version"])
        deployment.run("rollback")
        again = answer_by(1)
        assert again.pop("prediction_id") != first.pop("prediction_id")
        assert again == first


@slow
def test_an_unfit_model_is_not_promoted(deployment: Deployment) -> None:
    # Three times slower from February on: what the first weeks teach does not hold in the last.
    other = Deployment(deployment.home.parent / "unfit", deployment.settings)
    spec = "simulation:trips=20_000,months=2,slowdown=3,slowdown_from=2024-02-24"
    other.run("ingest", spec)
    refused = other.json("train", "--json")
    assert not refused["verdict"]["passed"]
    assert refused["verdict"]["reasons"]
    assert any(not check["passed"] for check in refused["verdict"]["checks"])
    other.run("promote", str(refused["version"]), code=3)
    answer = other.json("predict", *FLAGS, "--json")
    assert answer["source"] == "fallback-speed"
    leaves = datetime.fromisoformat(answer["pickup_at"])  # now, as clocks in the city show it
    assert leaves.utcoffset() == leaves.astimezone(ZoneInfo("America/New_York")).utcoffset()
    assert all("champion" not in model["aliases"] for model in other.json("models", "--json"))


def test_the_api_says_that_it_has_no_model(tmp_path: Path) -> None:
    empty = Deployment(tmp_path / "empty")
    empty.run("train", code=3)
    empty.run("promote", code=4)


@slow
def test_the_demo_answers_and_ends(tmp_path: Path) -> None:
    """As it is typed; the documentation runs it on a few trips.

    Port 9 is where nobody listens: the TLC can't be reached.
    """
    unreachable = {"TAXI_TLC_URL": "http://127.0.0.1:9", "TAXI_API_PORT": "8765"}
    demo = Deployment(tmp_path / "demo", unreachable)
    said = demo.run("demo", "--no-serve")
    assert "simulated city" in said
    assert '"duration_s"' in said
    assert '"simulated": true' in said
    assert "model.serves" in (demo.home / "demo.log").read_text()
    again = demo.run("demo", "--no-serve")
    assert "Ingested" not in again
    assert '"duration_s"' in again
