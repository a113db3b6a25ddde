"""The page Live: what it says is what the figures say, it follows by itself, and says who is away."""

import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from axe_playwright_python.sync_playwright import Axe
from prometheus_client.parser import text_string_to_metric_families

from asking import asking
from dashboard.looking import Visitor, visiting
from dashboard.town import Town
from local_ports import free_port
from taxi_predictor.adapters.panel.pages.live import LivePage
from taxi_predictor.adapters.panel.words import Words
from taxi_predictor.adapters.prometheus.queried import PrometheusServiceSignals
from taxi_predictor.domain.access import Scope, new_key
from taxi_predictor.domain.signals import is_question

TRIPS = 240
"""More than the 200 from which on the monitor judges."""
ENDS = {"pickup": {"lat": 40.76, "lon": -73.98}, "dropoff": {"lat": 40.7, "lon": -73.9}}

needs_prometheus = pytest.mark.skipif(
    not all(map(shutil.which, ("prometheus", "prometheus-alertmanager"))),
    reason="prometheus and prometheus-alertmanager are not installed",
)


EVERY_S = 1.0


@pytest.fixture(scope="module", autouse=True)
def looking_often() -> Iterator[None]:
    """The page is otherwise looked at again every four seconds, and most tests here wait for that."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(LivePage, "every_s", EVERY_S)
        yield


@pytest.fixture(scope="module")
def watched(town: Town) -> Town:
    """Predictions were asked for, trips ended, and the monitor looked at what came of them."""
    key, kept = new_key("watcher", frozenset({Scope.OUTCOMES}), now=town.container.predictor.now())

    async def remember() -> None:
        await town.container.outbound.keys.add(kept)
        await town.container.gatekeeper.refresh()

    town.call(remember())
    began = (datetime.now(UTC) - timedelta(hours=2)).isoformat()
    with httpx.Client(base_url=f"http://127.0.0.1:{town.api_port}", trust_env=False, timeout=30) as api:
        asked = {"trips": [{**ENDS, "pickup_at": began} for _ in range(TRIPS)]}
        answers = api.post("/v1/predictions/batch", json=asked).raise_for_status().json()
        for number, answer in enumerate(answers["predictions"]):
            took_s = answer["duration_s"] * (0.8 + number % 5 / 10)
            outcome = {"prediction_id": answer["prediction_id"], "duration_s": took_s}
            api.post(
                "/v1/outcomes", json=outcome, headers={"Authorization": f"Bearer {key}"}
            ).raise_for_status()
        assert api.post("/v1/predictions", json={"nonsense": 1}).status_code == 422
    town.call(town.container.monitoring.look())
    return town


def figures(port: int) -> Mapping[str, list[Any]]:
    text = asking.get(f"http://127.0.0.1:{port}/metrics").text
    found: dict[str, list[Any]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, []).append(sample)
    return found


def row(visitor: Visitor, version: str, name: str) -> float:
    cell = visitor.page.locator(f'tr[data-version="{version}"] [data-name="{name}"]')
    return float(cell.get_attribute("data-value"))


def test_what_the_page_says_is_what_the_figures_say(browser: Any, watched: Town) -> None:
    """Of the API, and of the monitor; every number of a version has the number of trips beside it."""
    with visiting(browser, watched) as visitor:
        visitor.open("live", window="1d")
        visitor.page.wait_for_selector('[data-name="live-mae"][data-value]')
        of_api, of_monitor = figures(watched.figures_port), figures(watched.monitor_port)
        requests = [one for one in of_api["taxi_http_requests_total"] if is_question(one.labels["route"])]
        assert visitor.value("asked") == sum(one.value for one in requests)
        shown = visitor.page.locator('tr[data-route="/v1/outcomes"] td[data-value]').first
        assert float(shown.get_attribute("data-value")) == sum(
            one.value for one in requests if one.labels["route"] == "/v1/outcomes"
        )
        [version] = of_api["taxi_model_version"]
        name = f"{version.value:.0f}"
        of = {"version": name, "slice": "all", "window": "1d"}
        for cell, figure in (
            ("live-trips", "taxi_live_trips"),
            ("live-mae", "taxi_live_mae_seconds"),
            ("live-bias", "taxi_live_bias_seconds"),
            ("live-coverage", "taxi_live_coverage_ratio"),
            ("live-estimated", "taxi_live_estimated_mae_seconds"),
        ):
            [told] = [one.value for one in of_monitor[figure] if one.labels == of]
            assert row(visitor, name, cell) == told
        assert row(visitor, name, "live-trips") >= TRIPS
        drifted = [one.value for one in of_monitor["taxi_drift_psi"] if one.labels["version"] == name]
        bars = visitor.page.locator('[data-part="model"] .bar-value')
        assert sorted(float(bars.nth(n).get_attribute("data-value")) for n in range(bars.count())) == sorted(
            drifted
        )
        assert visitor.errors == []


def test_it_follows_by_itself(browser: Any, watched: Town) -> None:
    """Whoever leaves it open sees what others ask, and the clock go on."""
    with visiting(browser, watched) as visitor:
        visitor.open("live")
        before, clock = visitor.value("asked"), visitor.page.locator("time").inner_text()
        with httpx.Client(base_url=f"http://127.0.0.1:{watched.api_port}", trust_env=False) as api:
            for _ in range(5):
                api.post("/v1/predictions", json=ENDS).raise_for_status()
        visitor.page.wait_for_function(
            "before => +document.querySelector('[data-name=asked]').dataset.value >= before + 5",
            arg=before,
        )
        assert visitor.page.locator("time").inner_text() != clock
        assert visitor.value("requests") > 0
        assert visitor.page.locator('[data-part="course"] .plot').count() == 4


def test_a_window_and_a_version_stand_in_the_address(browser: Any, watched: Town) -> None:
    with visiting(browser, watched, locale="es-ES") as visitor:
        visitor.open("live")
        page = visitor.page
        page.locator("#window-28d").focus()
        page.keyboard.press("Enter")
        visitor.settled()
        assert visitor.state()["window"] == "28d"
        page.wait_for_selector('#window-28d[aria-current="true"]')
        shared = page.url
        page.goto("about:blank")
        page.goto(shared)
        visitor.settled()
        assert page.locator("#window-28d").get_attribute("aria-current") == "true"
        page.goto(f"{watched.url}/live?window=1y&lang=es")
        page.wait_for_selector('[data-part="model"] [data-trouble="invalid"]')


def test_an_api_that_dies_is_an_alarm_and_comes_back(browser: Any, watched: Town) -> None:
    with visiting(browser, watched) as visitor:
        visitor.open("live")
        page = visitor.page
        page.wait_for_selector('[data-health="api"].ok')
        watched.stop_api()
        try:
            page.wait_for_selector('[data-alarm="ApiDown"]')
            page.wait_for_selector('[data-health="api"].no')
            said = page.locator('[data-part="service"] [data-trouble="unavailable"]').inner_text()
            assert "does not answer" in said
            # What the monitor found is there all the same, and so is the database.
            assert page.locator('[data-name="live-mae"]').count() > 0
            page.wait_for_selector('[data-health="postgres"].ok')
            found = Axe().run(page)
            assert found.violations_count == 0, found.generate_report()
        finally:
            watched.start_api()
        page.wait_for_selector('[data-alarm="ApiDown"]', state="detached")
        page.wait_for_selector('[data-name="asked"]')
        assert page.locator("[data-trouble]").count() == 0


def test_a_monitor_or_a_database_that_is_away_is_said_to_be(browser: Any, watched: Town) -> None:
    with visiting(browser, watched) as visitor:
        visitor.open("live")
        page = visitor.page
        watched.stop_monitor()
        try:
            page.wait_for_selector('[data-part="model"] [data-trouble="unavailable"]')
            page.wait_for_selector('[data-health="monitor"].no')
            assert page.locator('[data-name="asked"]').count() == 1
        finally:
            watched.start_monitor()
        page.wait_for_selector('[data-health="monitor"].ok')
        watched.stop_database()
        try:
            page.wait_for_selector('[data-health="postgres"].no')
        finally:
            watched.start_database()
        page.wait_for_selector('[data-health="postgres"].ok')
        assert page.locator("[data-trouble]").count() == 0


class Watchers:
    """A real Prometheus of the town, with the rules of ``deploy/`` in seconds, and a real Alertmanager."""

    def __init__(self, town: Town, folder: Path) -> None:
        self.url, self.alertmanager = (f"http://127.0.0.1:{free_port()}" for _ in range(2))
        self._folder = folder
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        jobs = {"api": town.figures_port, "monitor": town.monitor_port}
        rules = {"alert": "Rings", "expr": "vector(1)", "labels": {"severity": "critical"}}
        rules["annotations"] = {"summary": "This one always does.", "runbook_url": "https://example.com/a"}
        (folder / "rules.yml").write_text(yaml.safe_dump({"groups": [{"name": "all", "rules": [rules]}]}))
        told = {"targets": [self.alertmanager.removeprefix("http://")]}
        configuration = {
            "global": {"scrape_interval": "500ms", "scrape_timeout": "500ms", "evaluation_interval": "500ms"},
            "rule_files": ["rules.yml"],
            "alerting": {"alertmanagers": [{"static_configs": [told]}]},
            "scrape_configs": [
                {"job_name": job, "static_configs": [{"targets": [f"127.0.0.1:{port}"]}]}
                for job, port in jobs.items()
            ],
        }
        (folder / "prometheus.yml").write_text(yaml.safe_dump(configuration))
        routes = {"route": {"receiver": "nobody"}, "receivers": [{"name": "nobody"}]}
        (folder / "alertmanager.yml").write_text(yaml.safe_dump(routes))

    def start(self, *names: str) -> None:
        options = {
            "prometheus": (
                "--config.file=prometheus.yml",
                "--storage.tsdb.path=data",
                "--rules.alert.resend-delay=1s",
                f"--web.listen-address={self.url.removeprefix('http://')}",
            ),
            "prometheus-alertmanager": (
                "--config.file=alertmanager.yml",
                "--storage.path=alerts",
                "--cluster.listen-address=",
                f"--web.listen-address={self.alertmanager.removeprefix('http://')}",
            ),
        }
        for name in names:
            with (self._folder / f"{name}.log").open("ab") as log:
                self._running[name] = subprocess.Popen(
                    [name, *options[name]], cwd=self._folder, stdout=log, stderr=log
                )

    def stop(self, *names: str) -> None:
        for name in names:
            self._running[name].terminate()
            self._running.pop(name).wait(20)

    @contextmanager
    def running(self) -> Iterator["Watchers"]:
        self.start("prometheus", "prometheus-alertmanager")
        try:
            yield self
        finally:
            self.stop(*self._running)


@needs_prometheus
def test_prometheus_and_alertmanager_are_asked_where_they_are(
    browser: Any, watched: Town, tmp_path: Path
) -> None:
    """What they say is shown; they die, which is said, and come back."""
    with Watchers(watched, tmp_path).running() as watchers:
        signals = partial(
            PrometheusServiceSignals, prometheus=watchers.url, alertmanager=watchers.alertmanager
        )
        with (
            watched.another(watches=signals) as dashboard,
            visiting(browser, dashboard) as visitor,
        ):
            visitor.open("live")
            page = visitor.page
            page.wait_for_selector('[data-alarm="Rings"]')
            page.wait_for_selector('[data-name="asked"]')
            requests = figures(watched.figures_port)["taxi_http_requests_total"]
            counted = sum(one.value for one in requests if is_question(one.labels["route"]))
            page.wait_for_function(
                "counted => +document.querySelector('[data-name=asked]').dataset.value === counted",
                arg=counted,
            )
            for name in ("api", "monitor", "prometheus", "alertmanager"):
                page.wait_for_selector(f'[data-health="{name}"].ok')
            watchers.stop("prometheus")
            page.wait_for_selector('[data-health="prometheus"].no')
            page.wait_for_selector('[data-part="service"] [data-trouble="unavailable"]')
            watchers.stop("prometheus-alertmanager")
            page.wait_for_selector('[data-part="alarms"] [data-trouble="unavailable"]')
            watchers.start("prometheus", "prometheus-alertmanager")
            page.wait_for_selector('[data-health="prometheus"].ok')
            page.wait_for_selector('[data-alarm="Rings"]')
            page.wait_for_selector('[data-name="asked"]')
            assert visitor.errors == []
            assert visitor.strangers == []


def test_where_nothing_was_asked_yet_nothing_is_made_up(browser: Any, tmp_path: Path) -> None:
    town = Town(tmp_path / "t", trips=False)
    try:
        with visiting(browser, town, locale="es-ES") as visitor:
            visitor.open("live")
            page, words = visitor.page, Words("es")
            assert visitor.value("asked") == 0
            for name in ("p95", "failed", "degraded"):
                strong = page.locator(f'[data-name="{name}"]')
                assert strong.get_attribute("data-value") is None
                assert strong.inner_text() == "–"
            assert words("live.not-looked") in page.locator('[data-part="model"]').inner_text()
    finally:
        town.close()
