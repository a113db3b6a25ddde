"""What ``deploy/`` declares about watching, as the tests read it."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

__all__ = [
    "ALERTMANAGER",
    "EXPORTED",
    "GRAFANA",
    "PROMETHEUS",
    "ROOT",
    "RUNBOOKS",
    "Alert",
    "Panel",
    "alerts",
    "dashboards",
    "filled_in",
    "needs_prometheus",
    "panels",
    "read_yaml",
    "run",
    "understood",
]

ROOT = Path(__file__).parents[2]
PROMETHEUS = ROOT / "deploy" / "prometheus"
ALERTMANAGER = ROOT / "deploy" / "alertmanager" / "alertmanager.yml"
GRAFANA = ROOT / "deploy" / "grafana"
RUNBOOKS = ROOT / "docs" / "runbooks"

EXPORTED = Path(__file__).with_name("exporters.txt").read_text("utf-8").split()
"""The figures of others that rules and panels ask for; the live test sees that exporters give them."""

needs_prometheus = pytest.mark.skipif(
    not all(map(shutil.which, ("prometheus", "promtool", "prometheus-alertmanager", "amtool"))),
    reason="prometheus, promtool, prometheus-alertmanager and amtool are not installed",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    name: str
    severity: str
    expr: str
    lasts: str
    """How long it has to be so before it fires."""
    summary: str
    runbook_url: str
    file: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    dashboard: str
    title: str
    told: Mapping[str, Any]

    def __str__(self) -> str:
        return f"{self.dashboard}: {self.title}"

    @property
    def queries(self) -> Sequence[str]:
        return [target["expr"] for target in self.told["targets"]]


def read_yaml(path: Path) -> Any:
    return yaml.safe_load(path.read_text("utf-8"))


def alerts() -> Sequence[Alert]:
    return [
        Alert(
            name=rule["alert"],
            severity=rule["labels"]["severity"],
            expr=rule["expr"],
            lasts=rule.get("for", ""),
            summary=rule["annotations"]["summary"],
            runbook_url=rule["annotations"]["runbook_url"],
            file=path,
        )
        for path in sorted((PROMETHEUS / "rules").glob("*.yml"))
        for group in read_yaml(path)["groups"]
        for rule in group["rules"]
        if "alert" in rule
    ]


def dashboards() -> Mapping[str, Mapping[str, Any]]:
    return {
        path.stem: json.loads(path.read_text("utf-8")) for path in sorted((GRAFANA / "dashboards").glob("*"))
    }


def panels() -> Iterator[Panel]:
    for name, dashboard in dashboards().items():
        for told in dashboard["panels"]:
            if told["type"] != "row":
                yield Panel(dashboard=name, title=told["title"], told=told)


def filled_in(query: str) -> str:
    """*query* with what Grafana puts in for the choices of its reader."""
    for name, value in {"version": ".*", "slice": "all", "window": "7d", "__rate_interval": "1m"}.items():
        query = query.replace(f"${name}", value)
    return query


def run(*command: str | Path, cwd: Path = ROOT) -> str:
    """Run *command* to its end, which has to be a good one, and return all it says."""
    done = subprocess.run(
        command,
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def understood(alertmanager: str, *, secrets: Path) -> str:
    """The configuration with its secrets in another folder, for the Alertmanager that is installed.

    Before 0.26 (Debian 12 has 0.25) a webhook took no ``url_file``: there the address itself is put in.
    """
    text = alertmanager.replace("/run/secrets", str(secrets))
    version = re.search(r"version (\d+)\.(\d+)", run("amtool", "--version"))
    assert version
    if (int(version[1]), int(version[2])) >= (0, 26):
        return text
    return re.sub(
        r"(?<=[ -])url_file: (\S+)", lambda found: f"url: {Path(found[1]).read_text('utf-8').strip()}", text
    )
