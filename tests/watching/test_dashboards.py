"""The dashboards are what Grafana provisions, and ask for figures that somebody gives."""

import re
import runpy
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml

from watching.declarations import (
    EXPORTED,
    GRAFANA,
    PROMETHEUS,
    ROOT,
    Panel,
    alerts,
    dashboards,
    filled_in,
    needs_prometheus,
    panels,
    read_yaml,
    run,
)

DASHBOARDS = dashboards()
PANELS = list(panels())
KINDS = {"timeseries", "stat", "gauge", "bargauge", "state-timeline", "heatmap", "table", "row"}
"""Of those that Grafana 10 to 12 have; `graph` and `singlestat` went with Angular."""
UNITS = {"none", "short", "s", "m", "percentunit", "reqps", "cps", "ops", "bytes", "Bps"}


def test_they_are_what_write_py_writes() -> None:
    writer = runpy.run_path(str(GRAFANA / "write.py"))
    written = {source.stem: writer["text_of"](source) for source in writer["sources"]()}
    for path in (GRAFANA / "dashboards").iterdir():
        assert path.read_text("utf-8") == written.pop(path.stem), "run: python deploy/grafana/write.py"
    assert not written


def test_there_are_four_with_names_of_their_own() -> None:
    assert set(DASHBOARDS) == {"service", "model", "data", "infrastructure"}
    for key in ("uid", "title"):
        assert len({told[key] for told in DASHBOARDS.values()}) == len(DASHBOARDS)
    titles = [str(panel) for panel in PANELS]
    assert len(titles) == len(set(titles))


@pytest.mark.parametrize("name", DASHBOARDS)
def test_a_dashboard_can_be_provisioned(name: str) -> None:
    told = DASHBOARDS[name]
    assert "dashboard" not in told, "that is the form of the API, which provisioning refuses"
    assert re.fullmatch(r"[a-z-]{1,40}", told["uid"])
    assert told["schemaVersion"] >= 39
    assert told["time"]["from"].startswith("now-")
    datasource, *others = told["templating"]["list"]
    assert (datasource["name"], datasource["type"], datasource["query"]) == (
        "datasource",
        "datasource",
        "prometheus",
    )
    assert all(other["datasource"]["uid"] == "${datasource}" for other in others)
    ids = [panel["id"] for panel in told["panels"]]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("name", DASHBOARDS)
def test_its_panels_lie_beside_each_other_within_24_columns(name: str) -> None:
    places = [panel["gridPos"] for panel in DASHBOARDS[name]["panels"]]
    for one in places:
        assert 0 <= one["x"] < one["x"] + one["w"] <= 24
        assert one["h"] > 0
    for one, other in combinations(places, 2):
        assert (
            one["x"] + one["w"] <= other["x"]
            or other["x"] + other["w"] <= one["x"]
            or one["y"] + one["h"] <= other["y"]
            or other["y"] + other["h"] <= one["y"]
        ), (one, other)


@pytest.mark.parametrize("panel", PANELS, ids=str)
def test_a_panel_says_what_it_shows_in_which_unit_and_of_whom(panel: Panel) -> None:
    told = panel.told
    assert told["type"] in KINDS
    assert told["description"].endswith(".")
    assert told["fieldConfig"]["defaults"]["unit"] in UNITS
    assert told["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
    assert all(target["datasource"] == told["datasource"] for target in told["targets"])
    references = [target["refId"] for target in told["targets"]]
    assert references
    assert len(set(references)) == len(references)
    for query in panel.queries:
        # A window of its own would be too short or too long as soon as somebody zooms.
        assert not re.search(r"rate\([^)]*\[\d+[smh]\]", query)
        if "histogram_quantile" in query:
            assert "by (le)" in query


def test_all_panels_of_the_first_dashboard_are_among_them() -> None:
    """Of the guide that the project began with: its four panels had five queries."""
    asked = {panel.title: " ".join(panel.queries) for panel in PANELS}
    assert "taxi_http_requests_total" in asked["API request rate"]
    assert "rmse_minutes" in asked["Model performance (RMSE)"]
    assert "numbackends" in asked["Database connections"]
    assert "node_cpu_seconds_total" in asked["CPU"]
    assert "node_memory_MemAvailable_bytes" in asked["Memory"]


def test_what_is_provisioned_points_at_what_there_is() -> None:
    [datasource] = read_yaml(GRAFANA / "provisioning" / "datasources" / "prometheus.yml")["datasources"]
    interval = read_yaml(PROMETHEUS / "prometheus.yml")["global"]["scrape_interval"]
    assert datasource["type"] == "prometheus"
    assert datasource["jsonData"]["timeInterval"] == interval
    [provider] = read_yaml(GRAFANA / "provisioning" / "dashboards" / "dashboards.yml")["providers"]
    assert provider["type"] == "file"
    assert not provider["allowUiUpdates"]


@needs_prometheus
def test_every_query_is_understood(tmp_path: Path) -> None:
    rules = [
        {"record": f"panel:{panel.dashboard}_{number}", "expr": filled_in(query)}
        for number, panel in enumerate(PANELS)
        for query in panel.queries
    ]
    assert all("$" not in rule["expr"] for rule in rules)
    (tmp_path / "rules.yml").write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))
    run("promtool", "check", "rules", tmp_path / "rules.yml")


WORDS = {"and", "or", "unless", "bool", "on", "by", "ignoring", "offset", "group_left", "group_right"}


def names_in(query: str) -> set[str]:
    """The names of figures that *query* asks for."""
    bare = re.sub(r"\{[^}]*\}|\[[^]]*\]|\"[^\"]*\"|\b(?:by|on|without|ignoring) ?\([^)]*\)", " ", query)
    found = re.findall(r"(?<![\w.:$])([a-zA-Z_][\w:]*)(?!\w*\s*\()", bare)
    return {name for name in found if name not in WORDS and not re.fullmatch(r"\d*[smhdw]", name)}


def test_names_are_found_in_queries() -> None:
    query = 'sum by (le) (rate(a_bucket{x="b"}[5m] offset 1d)) / on (job) c:d > 0.5 and max(e) == 1e3'
    assert names_in(query) == {"a_bucket", "c:d", "e"}


def documented() -> Iterator[str]:
    """The figures of this project, by the tables of its documentation, which are held against the code."""
    for page in sorted((ROOT / "docs").rglob("*.md")):
        is_table = False
        for line in page.read_text("utf-8").splitlines():
            is_table = line.startswith("| metric |") or (is_table and line.startswith("|"))
            if is_table:
                yield from re.findall(r"`(taxi_\w+)`", line.split("|")[1])


def recorded() -> Iterator[str]:
    for path in (PROMETHEUS / "rules").glob("*.yml"):
        for group in read_yaml(path)["groups"]:
            yield from (rule["record"] for rule in group["rules"] if "record" in rule)


def all_queries() -> Iterator[tuple[str, str]]:
    yield from ((str(panel), filled_in(query)) for panel in PANELS for query in panel.queries)
    yield from ((alert.name, alert.expr) for alert in alerts())
    for path in (PROMETHEUS / "rules").glob("*.yml"):
        for group in read_yaml(path)["groups"]:
            yield from ((rule["record"], rule["expr"]) for rule in group["rules"] if "record" in rule)


def choices() -> Iterator[tuple[str, Any]]:
    for name, told in DASHBOARDS.items():
        for choice in told["templating"]["list"][1:]:
            found = re.fullmatch(r"label_values\((\w+), \w+\)", choice["query"]["query"])
            assert found
            yield f"{name}: ${choice['name']}", found[1]


def test_every_figure_that_is_asked_for_is_given_by_somebody() -> None:
    known = {*documented(), *recorded(), *EXPORTED}
    for where, query in (*all_queries(), *choices()):
        for name in names_in(query):
            base = re.sub(r"_(?:bucket|sum|count)$", "", name)
            assert name in known or base in known, f"{where}: {name}"


def test_no_figure_of_an_exporter_is_listed_that_nobody_asks_for() -> None:
    asked = {name for _, query in all_queries() for name in names_in(query)}
    assert set(EXPORTED) <= asked
