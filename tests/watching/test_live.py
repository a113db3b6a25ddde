"""A service with four workers, watched by all that ``deploy/`` declares, which counts and tells rightly."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import pytest

from asking import asking
from journeys.conftest import Deployment, main_job
from local_ports import free_port
from waiting import until
from watching.declarations import EXPORTED, Panel, filled_in, panels
from watching.stack import PROGRAMS, Listener, Stack, listening, soon, watching

pytestmark = pytest.mark.skipif(
    not all(map(shutil.which, PROGRAMS)),
    reason="Prometheus, Alertmanager, exporters or nginx are not installed",
)

REQUESTS = 1_000
OUTCOMES = 400
TRIP = {"pickup": {"lat": 40.7580, "lon": -73.9855}, "dropoff": {"lat": 40.7769, "lon": -73.9493}}
EMPTY = {
    "infrastructure: Replicas behind by": "there is no replica",
    "infrastructure: Spans and logs that were lost": "none was",
    "service: Answered without something": "nothing is missing",
}
"""Panels that show nothing here, and why."""
NOT_HERE = {
    "pg_replication_lag_seconds": "given by exporters from 0.12 on",
    "pg_stat_replication_pg_wal_lsn_diff": "there is no replica",
}


@pytest.fixture(scope="module")
def listener() -> Iterator[Listener]:
    with listening() as listener:
        yield listener


@pytest.fixture(scope="module")
def stack(listener: Listener, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    # The path of a socket may not be long.
    with TemporaryDirectory(prefix="taxi-watch-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        figures = {"api": free_port(), "monitor": free_port()}
        deployment = replace(
            main_job(tmp_path_factory, folder / "home"),
            settings={
                "TAXI_METRICS_PORT": str(figures["api"]),
                "TAXI_MODEL_SYNC_EVERY_S": "1",
                "TAXI_OUTCOMES_EVERY_S": "1",
                "TAXI_LIVE_LEVEL_EVERY_S": "1",
            },
        )
        key = deployment.run("keys", "create", "listener", "--scope", "outcomes").strip()
        with (
            deployment.server(workers=4) as (client, _),
            monitored(deployment, figures["monitor"]),
            watching(
                folder,
                listener,
                api=f"127.0.0.1:{client.base_url.port}",
                jobs={job: f"127.0.0.1:{port}" for job, port in figures.items()},
                dsn=f"postgresql://postgres@/postgres?host={deployment.home / 'postgres'}",
            ) as stack,
        ):
            ask(client, key, stack)
            yield stack


@contextmanager
def monitored(deployment: Deployment, port: int) -> Iterator[None]:
    settings = {"TAXI_MONITOR_PORT": str(port), "TAXI_MONITOR_EVERY_S": "1"}
    command = [sys.executable, "-m", "taxi_predictor", "monitor"]
    monitor = subprocess.Popen(command, env={**deployment.environment, **settings})
    try:
        yield
    finally:
        monitor.terminate()
        monitor.wait(30)


def ask(client: httpx.Client, key: str, stack: Stack) -> None:
    """As callers do: predictions, some outcomes of trips that ended, a batch, a matrix, and a mistake."""
    began = (datetime.now(UTC) - timedelta(hours=2)).isoformat()

    def predict(number: int) -> httpx.Response:
        return client.post("/v1/predictions", json={**TRIP, "pickup_at": began})

    with ThreadPoolExecutor(8) as pool:
        # A series that is there from one scrape to the next has a rate only from then on.
        answers = list(pool.map(predict, range(REQUESTS // 2)))
        soon(lambda: counted(stack) == len(answers), "half of them were counted")
        answers += pool.map(predict, range(REQUESTS // 2))
    assert {answer.status_code for answer in answers} == {200}
    lines = [
        json.dumps(
            {
                "prediction_id": answer.json()["prediction_id"],
                "duration_s": answer.json()["duration_s"] * (0.8 + number % 5 / 10),
            }
        )
        for number, answer in enumerate(answers[:OUTCOMES])
    ]
    reported = client.post(
        "/v1/outcomes/batch",
        content="\n".join(lines),
        headers={"Authorization": f"Bearer {key}", "Content-Type": "application/x-ndjson"},
    )
    assert reported.text.count('"state"') == OUTCOMES, reported.text[:500]
    assert client.post("/v1/predictions/batch", json={"trips": [TRIP, TRIP]}).is_success
    places = [TRIP["pickup"], TRIP["dropoff"]]
    assert client.post("/v1/matrix", json={"origins": places, "destinations": places}).is_success
    assert client.post("/v1/matrix", json={"origins": []}).status_code == 422


def test_every_target_is_up(stack: Stack) -> None:
    expected = {*stack.targets, "doors"}
    soon(lambda: {one["metric"]["job"] for one in stack.ask("up == 1")} == expected, "all are up")
    soon(lambda: stack.ask("probe_success == 1"), "the door is open")


def counted(stack: Stack) -> float:
    found = stack.ask('sum(taxi_http_requests_total{route="/v1/predictions", method="POST", status="200"})')
    return float(found[0]["value"][1]) if found else 0


def test_a_thousand_requests_to_four_workers_are_a_thousand(stack: Stack) -> None:
    soon(lambda: counted(stack) >= REQUESTS, "all were counted")
    assert counted(stack) == REQUESTS
    [workers] = stack.ask("count(taxi_worker_model_version)")
    assert workers["value"][1] == "4"


def test_every_rule_can_be_evaluated(stack: Stack) -> None:
    groups = asking.get(f"{stack.url}/api/v1/rules").json()["data"]["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    assert len(rules) > 30
    assert {rule["name"]: rule.get("lastError") for rule in rules if rule["health"] != "ok"} == {}


NO_BACKUP = "BackupTooOld"


def told(listener: Listener, status: str) -> list[str]:
    """The runbooks that whoever is on call was given, where there is no backup."""
    found = listener.alerts("alert_webhook_url", status)
    return [a["annotations"]["runbook_url"] for a in found if a["labels"]["alertname"] == NO_BACKUP]


@pytest.fixture(scope="module")
def told_before(stack: Stack, listener: Listener) -> Mapping[str, list[str]]:
    """What was told before there was a backup; there is one from here on."""
    firing = soon(lambda: told(listener, "firing"), "it is told")
    before = {"firing": firing, "resolved": told(listener, "resolved")}
    stack.backup_succeeded()
    return before


def test_an_alert_gets_to_who_is_on_call_and_so_does_its_end(
    told_before: Mapping[str, list[str]], listener: Listener
) -> None:
    name, link = NO_BACKUP, told_before["firing"][0]
    assert link.startswith("https://")
    assert link.endswith(f"/docs/runbooks/{name}.md")
    assert not told_before["resolved"]
    soon(lambda: told(listener, "resolved"), "its end is told")
    in_slack = [message["attachments"][0] for message in listener.heard["slack_webhook_url"]]
    titles = [one["title"] for one in in_slack]
    assert f"FIRING: {name}" in titles
    assert f"RESOLVED: {name}" in titles
    assert any("There is no backup of the last 26 hours." in one["text"] for one in in_slack)


def test_the_watchdog_is_heard_outside_and_nowhere_else(stack: Stack, listener: Listener) -> None:
    soon(lambda: listener.alerts("dead_mans_switch_url", "firing"), "it barks")
    names = {a["labels"]["alertname"] for a in listener.alerts("dead_mans_switch_url", "firing")}
    assert names == {"Watchdog"}
    on_call = {a["labels"]["alertname"] for a in listener.alerts("alert_webhook_url", "firing")}
    assert "Watchdog" not in on_call


def test_what_follows_from_a_cause_is_held_back(stack: Stack) -> None:
    url = f"http://{stack.targets['alertmanager']}/api/v2/alerts"
    causes = [
        ("DatabaseDown", "critical"),
        ("ReplicationBehind", "warning"),
        ("PredictionsUnlogged", "critical"),
    ]
    posted = [{"labels": {"alertname": name, "severity": severity}} for name, severity in causes]
    assert asking.post(url, json=posted).is_success

    def held_back() -> set[str]:
        found = asking.get(url, params={"inhibited": "true"}).json()
        return {one["labels"]["alertname"] for one in found if one["status"]["inhibitedBy"]}

    soon(lambda: "ReplicationBehind" in held_back(), "the follower is held back")
    assert not {"DatabaseDown", "PredictionsUnlogged"} & held_back()


@pytest.fixture(scope="module")
def settled(stack: Stack, told_before: Mapping[str, list[str]]) -> Stack:
    """Once there was a backup and every panel has shown something, or all had time enough.

    The tests say which does not.
    """
    shown = (panel for panel in panels() if str(panel) not in EMPTY)
    unanswered = [filled_in(query) for panel in shown for query in panel.queries]

    def all_answered() -> bool:
        unanswered[:] = [query for query in unanswered if not stack.ask(query)]
        return not unanswered

    with suppress(AssertionError):
        until(all_answered, patience_s=180, every_s=1)
    return stack


@pytest.mark.parametrize("panel", list(panels()), ids=str)
def test_a_panel_shows_something(panel: Panel, settled: Stack) -> None:
    if str(panel) in EMPTY:
        assert not any(settled.ask(filled_in(query)) for query in panel.queries), "it does show something"
        return
    for query in panel.queries:
        assert settled.ask(filled_in(query)), query


def test_exporters_give_what_they_are_asked_for(settled: Stack) -> None:
    for name in set(EXPORTED) - set(NOT_HERE):
        assert settled.ask(name), name
