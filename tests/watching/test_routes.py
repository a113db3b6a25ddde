"""Alertmanager understands its configuration, and each alert gets to whom it should."""

import re
from pathlib import Path

import pytest

from watching.declarations import ALERTMANAGER, Alert, alerts, needs_prometheus, read_yaml, run, understood

TOLD = read_yaml(ALERTMANAGER)
SECRETS = ("alert_webhook_url", "slack_webhook_url", "dead_mans_switch_url")


@pytest.fixture
def configuration(tmp_path: Path) -> Path:
    for name in SECRETS:
        (tmp_path / name).write_text(f"http://127.0.0.1:9/{name}\n", "utf-8")
    path = tmp_path / "alertmanager.yml"
    path.write_text(understood(ALERTMANAGER.read_text("utf-8"), secrets=tmp_path), "utf-8")
    return path


@needs_prometheus
def test_alertmanager_understands_it(configuration: Path) -> None:
    assert "SUCCESS" in run("amtool", "check-config", configuration)


def receiver(alert: Alert) -> str:
    if alert.name == "Watchdog":
        return "dead-mans-switch"
    return {"critical": "on-call", "warning": "chat", "info": "chat"}[alert.severity]


@needs_prometheus
def test_each_alert_goes_to_one_who_is_meant_to_hear_it(configuration: Path) -> None:
    for alert in alerts():
        labels = (f"alertname={alert.name}", f"severity={alert.severity}")
        run(
            *("amtool", "config", "routes", "test", f"--config.file={configuration}"),
            *(f"--verify.receivers={receiver(alert)}", *labels),
        )


def test_no_address_is_written_down() -> None:
    addresses = re.findall(r"^.*\b((?:api_)?url(?:_file)?): (.+)$", ALERTMANAGER.read_text("utf-8"), re.M)
    assert {Path(address).name for _, address in addresses} == set(SECRETS)
    assert all(key.endswith("_file") and address.startswith("/run/secrets/") for key, address in addresses)


def test_who_is_called_is_called_by_two_ways_and_told_when_it_is_over() -> None:
    [on_call] = [one for one in TOLD["receivers"] if one["name"] == "on-call"]
    ways = [*on_call["webhook_configs"], *on_call["slack_configs"]]
    assert len(ways) == 2
    assert all(way["send_resolved"] for way in ways)


def test_what_is_held_back_and_what_holds_it_back_are_alerts_that_there_are() -> None:
    names = [alert.name for alert in alerts()]
    for rule in TOLD["inhibit_rules"]:
        for matcher in (*rule["source_matchers"], *rule["target_matchers"]):
            found = re.fullmatch(r'alertname =~? "?([^"]+)"?', matcher)
            for name in found[1].split("|") if found else ():
                assert any(re.fullmatch(name, alert) for alert in names), name


def test_what_is_lost_for_good_is_never_held_back() -> None:
    for rule in TOLD["inhibit_rules"]:
        said = " ".join(rule["target_matchers"])
        assert not re.search("PredictionsUnlogged|SpoolNearlyFull|SpoolDamaged|DatabaseDown|ApiDown", said)
        assert "severity = critical" not in said
