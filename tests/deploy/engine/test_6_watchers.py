"""Those who watch: everybody who is to be seen is, and what they say is about this stack."""

import json
import time

from deploy.engine.machine import Machine
from taxi_predictor.apps.stack.switching import live_colour
from waiting import until

LIVE_JOBS = {
    "api",
    "monitor",
    "postgres",
    "node",
    "nginx",
    "redis",
    "blackbox",
    "prometheus",
    "alertmanager",
    "doors",
}


def asked(machine: Machine, query: str) -> list[tuple[dict[str, str], float]]:
    tool = ("exec", "-T", "prometheus", "promtool", "query", "instant", "-o", "json", "http://127.0.0.1:9090")
    found = json.loads(machine.compose.run(*tool, query))
    return [(sample["metric"], float(sample["value"][1])) for sample in found]


def test_prometheus_sees_everybody(machine: Machine) -> None:
    machine.make("up", "", "observability")
    colour = live_colour(machine.layout)
    with machine.under_load(per_s=20):
        time.sleep(45)
    up = {(labels["job"], labels["instance"]) for labels, value in asked(machine, "up") if value == 1}
    assert {job for job, _ in up} == LIVE_JOBS
    assert ("api", f"api-{colour}:9464") in up
    [(labels, requests)] = asked(machine, "sum(taxi_http_requests_total)")
    assert not labels
    assert requests > 500
    for query in (
        "pg_up",
        "redis_up",
        "nginx_up",
        "probe_success",
        "probe_ssl_earliest_cert_expiry > time()",
    ):
        found = asked(machine, query)
        assert found, query
        assert all(value >= 1 for _, value in found), query
    [(_, made_at)] = asked(machine, "taxi_backup_last_success_timestamp_seconds")
    assert 0 < time.time() - made_at < 3600


def test_rules_are_evaluated_and_the_watchdog_barks(machine: Machine) -> None:
    [(labels, _)] = asked(machine, 'ALERTS{alertname="Watchdog"}')
    assert labels["alertstate"] == "firing"
    assert not asked(machine, "prometheus_rule_evaluation_failures_total > 0")
    tool = (
        "exec",
        "-T",
        "alertmanager",
        "amtool",
        "alert",
        "query",
        "--alertmanager.url=http://127.0.0.1:9093",
    )
    until(lambda: "Watchdog" in machine.compose.run(*tool), "Alertmanager was told", every_s=2)


def test_a_stack_that_is_watched_is_well(machine: Machine) -> None:
    assert "all 10 jobs" in machine.make("postflight")
