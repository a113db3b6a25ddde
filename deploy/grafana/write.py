"""Write ``dashboards/*.json``, which Grafana provisions, from ``*.toml``, which people read.

Grafana's own format has forty lines for a panel, of which five are somebody's choice: those are kept here.
A panel that was tried out in Grafana is brought home by copying its query, its unit and its kind.

    python deploy/grafana/write.py
"""

import json
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

__all__ = ["DASHBOARDS", "FOLDER", "dashboard", "sources", "text_of"]

FOLDER = Path(__file__).parent
DASHBOARDS = FOLDER / "dashboards"
DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
SCHEMA_VERSION = 39
"""Of Grafana 10.4 and 11; later ones bring it up to date when they load it."""

COLUMNS = 24
WIDTH, HEIGHT = {"stat": 4, "gauge": 4}, {"stat": 4, "gauge": 4}
NUMBERS = {"stat", "gauge", "bargauge", "table"}
"""Kinds that show how it is now, and ask for nothing else."""

Table = Mapping[str, Any]


def sources() -> Sequence[Path]:
    return sorted(FOLDER.glob("*.toml"))


def text_of(source: Path) -> str:
    """The dashboard that *source* describes, as Grafana reads it."""
    return (
        json.dumps(dashboard(tomllib.loads(source.read_text("utf-8"))), indent=2, ensure_ascii=False) + "\n"
    )


def dashboard(told: Table) -> dict[str, Any]:
    return {
        "uid": told["uid"],
        "title": told["title"],
        "description": told["about"],
        "tags": ["taxi-predictor"],
        "schemaVersion": SCHEMA_VERSION,
        "editable": False,  # what is changed in Grafana alone is lost
        "refresh": "30s",
        "time": {"from": told.get("from", "now-6h"), "to": "now"},
        "timezone": "browser",
        "graphTooltip": 1,
        "links": [
            {
                "type": "dashboards",
                "title": "Others",
                "tags": ["taxi-predictor"],
                "asDropdown": True,
                "keepTime": True,
            }
        ],
        "annotations": {"list": [_alerts_that_fire()]},
        "templating": {"list": [_choice_of_datasource(), *map(_choice, told.get("choices", []))]},
        "panels": [panel | {"id": number} for number, panel in enumerate(_placed(told["rows"]), 1)],
    }


def _alerts_that_fire() -> dict[str, Any]:
    return {
        "name": "Alerts",
        "datasource": DATASOURCE,
        "enable": True,
        "iconColor": "red",
        "expr": 'ALERTS{alertstate="firing", severity!="none"}',
        "titleFormat": "{{alertname}}",
        "textFormat": "{{instance}}",
    }


def _choice_of_datasource() -> dict[str, Any]:
    return {"name": "datasource", "label": "Prometheus", "type": "datasource", "query": "prometheus"}


def _choice(told: Table) -> dict[str, Any]:
    """One of the values that a label has, or all of them."""
    query = f"label_values({told['metric']}, {told['name']})"
    choice = {
        "name": told["name"],
        "type": "query",
        "datasource": DATASOURCE,
        "query": {"query": query, "refId": "choice"},
        "refresh": 2,  # when the time range changes
        "sort": 3,
    }
    if "first" in told:
        return choice | {"current": {"text": told["first"], "value": told["first"]}}
    return choice | {"includeAll": True, "multi": True, "current": {"text": ["All"], "value": ["$__all"]}}


def _placed(rows: Sequence[Table]) -> Iterator[dict[str, Any]]:
    """Panels from left to right, and a new line where one does not fit."""
    y = 0
    for row in rows:
        yield {"type": "row", "title": row["title"], "collapsed": False, "gridPos": _place(0, y, COLUMNS, 1)}
        x, y, tallest = 0, y + 1, 0
        for told in row["panels"]:
            kind = told.get("kind", "timeseries")
            width, height = told.get("width", WIDTH.get(kind, 8)), told.get("height", HEIGHT.get(kind, 8))
            if x + width > COLUMNS:
                x, y, tallest = 0, y + tallest, 0
            yield _panel(kind, told) | {"gridPos": _place(x, y, width, height)}
            x, tallest = x + width, max(tallest, height)
        y += tallest


def _place(x: int, y: int, width: int, height: int) -> dict[str, int]:
    return {"x": x, "y": y, "w": width, "h": height}


def _panel(kind: str, told: Table) -> dict[str, Any]:
    queries = told["queries"]
    return {
        "type": kind,
        "title": told["title"],
        "description": told["about"],
        "datasource": DATASOURCE,
        "targets": [
            _target(kind, "ABCDEFGH"[number], *query) for number, query in enumerate(queries.items())
        ],
        "fieldConfig": {"defaults": _field(kind, told), "overrides": []},
        "options": _options(kind),
    }


def _target(kind: str, name: str, legend: str, expr: str) -> dict[str, Any]:
    return {
        "refId": name,
        "datasource": DATASOURCE,
        "expr": " ".join(expr.split()),
        "legendFormat": legend,
        "instant": kind in NUMBERS,
        "range": kind not in NUMBERS,
        "format": kind if kind in ("heatmap", "table") else "time_series",
    }


def _field(kind: str, told: Table) -> dict[str, Any]:
    steps = [{"color": "green", "value": None}] + [
        {"color": color, "value": value} for color, value in told.get("steps", {}).items()
    ]
    field: dict[str, Any] = {"unit": told["unit"], "thresholds": {"mode": "absolute", "steps": steps}}
    field |= {bound: told[bound] for bound in ("min", "max", "decimals") if bound in told}
    if kind == "timeseries":
        field["color"] = {"mode": "palette-classic"}
        field["custom"] = {
            "fillOpacity": 10,
            "showPoints": "never",
            "thresholdsStyle": {"mode": "line" if "steps" in told else "off"},
            **({"stacking": {"mode": "normal"}} if told.get("stacked") else {}),
        }
    elif "steps" in told:
        field["color"] = {"mode": "thresholds"}
    return field


def _options(kind: str) -> dict[str, Any]:
    now = {"calcs": ["lastNotNull"], "fields": "", "values": False}
    return {
        "timeseries": {
            "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
            "tooltip": {"mode": "multi", "sort": "desc"},
        },
        "stat": {"reduceOptions": now, "graphMode": "none", "colorMode": "value", "textMode": "auto"},
        "gauge": {"reduceOptions": now},
        "bargauge": {"reduceOptions": now, "orientation": "horizontal", "displayMode": "basic"},
        "state-timeline": {"showValue": "never", "mergeValues": True},
        "heatmap": {
            "calculate": False,
            "color": {"mode": "scheme", "scheme": "Oranges"},
            "yAxis": {"unit": "s"},
        },
        "table": {"showHeader": True},
    }[kind]


if __name__ == "__main__":
    for source in sources():
        (DASHBOARDS / f"{source.stem}.json").write_text(text_of(source), "utf-8")
