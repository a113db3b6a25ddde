"""The rules are understood by Prometheus, and each alert was seen to fire and to keep silent.

``python -m deploy.test_rules``, in the folder ``tests``, writes the table of docs/alerts.md anew.
"""

import re
from pathlib import Path

import pytest

from taxi_predictor.apps.settings import Settings
from watching.declarations import (
    GRAFANA,
    PROMETHEUS,
    ROOT,
    RUNBOOKS,
    Alert,
    alerts,
    needs_prometheus,
    read_yaml,
    run,
)

ALERTS = alerts()
INDEX = ROOT / "docs" / "alerts.md"
TESTS = sorted((PROMETHEUS / "tests").glob("*.yml"))
RUNBOOK = re.compile(r"\{\{ \$externalLabels\.runbooks \}\}/(\w+)\.md")


def name_of(alert: Alert) -> str:
    return f"{alert.name}-{alert.severity}"


@needs_prometheus
def test_prometheus_understands_its_configuration_and_its_rules() -> None:
    assert "SUCCESS" in run("promtool", "check", "config", PROMETHEUS / "prometheus.yml")
    run("promtool", "check", "rules", *sorted((PROMETHEUS / "rules").glob("*.yml")))


@needs_prometheus
@pytest.mark.parametrize("tests", TESTS, ids=lambda path: path.stem)
def test_rules_do_what_their_unit_tests_say(tests: Path) -> None:
    run("promtool", "test", "rules", tests.name, cwd=tests.parent)


# All that can be said against a watchdog is that it barks.
NEVER_SILENT = {"Watchdog"}


@pytest.mark.parametrize("alert", ALERTS, ids=name_of)
def test_each_alert_has_a_unit_test_in_which_it_fires_and_one_in_which_it_does_not(alert: Alert) -> None:
    expected = [
        [fired["exp_labels"]["severity"] for fired in case["exp_alerts"]]
        for path in TESTS
        for test in read_yaml(path)["tests"]
        for case in test.get("alert_rule_test", [])
        if case["alertname"] == alert.name
    ]
    assert any(alert.severity in fired for fired in expected)
    assert any(alert.severity not in fired for fired in expected) or alert.name in NEVER_SILENT


def test_each_recorded_figure_has_a_unit_test() -> None:
    rules = [read_yaml(path) for path in sorted((PROMETHEUS / "rules").glob("*.yml"))]
    recorded = {
        rule["record"]
        for groups in rules
        for group in groups["groups"]
        for rule in group["rules"]
        if "record" in rule
    }
    tested = " ".join(
        case["expr"]
        for path in TESTS
        for test in read_yaml(path)["tests"]
        for case in test.get("promql_expr_test", [])
    )
    for name in recorded:
        assert re.search(rf"{name}\b", tested), name


@pytest.mark.parametrize("alert", ALERTS, ids=name_of)
def test_each_alert_says_how_bad_it_is_and_what_to_do(alert: Alert) -> None:
    assert alert.severity in ("critical", "warning", "info") or alert.name == "Watchdog"
    assert alert.lasts or alert.name == "Watchdog", "it needs a `for`"
    assert alert.summary.endswith(".")
    link = RUNBOOK.fullmatch(alert.runbook_url)
    assert link
    assert link[1] == alert.name
    assert (RUNBOOKS / f"{alert.name}.md").is_file()


def test_there_is_no_runbook_without_an_alert() -> None:
    assert {path.stem for path in RUNBOOKS.iterdir()} == {alert.name for alert in ALERTS}


def test_no_two_alerts_that_differ_only_by_their_file() -> None:
    assert len({name_of(alert) for alert in ALERTS}) == len(ALERTS)


def test_the_spool_is_nearly_full_by_the_limit_that_the_service_has() -> None:
    limit = Settings().spool_max_bytes
    [alert] = [alert for alert in ALERTS if alert.name == "SpoolNearlyFull"]
    assert alert.expr.endswith(f"> 0.8 * {limit}")
    assert f"red = {int(0.8 * limit)}" in (GRAFANA / "data.toml").read_text("utf-8")
    assert f"({limit} - " in (RUNBOOKS / "SpoolGrows.md").read_text("utf-8")


BEGIN, END = "<!-- alerts: begin (written by `python -m deploy.test_rules`) -->", "<!-- alerts: end -->"


def table_of_alerts() -> str:
    rows = ["| alert | severity | after | what it says |", "| --- | --- | --- | --- |"]
    for alert in ALERTS:
        said = re.sub(r"\{\{ \$labels\.(\w+) \}\}", r"*\1*", alert.summary)
        said = re.sub(r"\{\{ .*?\$value.*? \}\}", "*n*", said)
        link = f"[{alert.name}](runbooks/{alert.name}.md)"
        rows.append(f"| {link} | {alert.severity} | {alert.lasts or 'at once'} | {said} |")
    return "\n".join(rows)


def with_table(text: str) -> str:
    before, _, rest = text.partition(BEGIN)
    return f"{before}{BEGIN}\n\n{table_of_alerts()}\n\n{END}{rest.partition(END)[2]}"


def test_the_index_lists_every_alert() -> None:
    text = INDEX.read_text("utf-8")
    assert BEGIN in text
    assert text == with_table(text), "run: cd tests && ../.venv/bin/python -m deploy.test_rules"


if __name__ == "__main__":
    INDEX.write_text(with_table(INDEX.read_text("utf-8")), "utf-8")
