"""What sees a service keeps its contract: by its own figures, and by a real Prometheus and Alertmanager."""

import asyncio
import shutil
import subprocess
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from prometheus_client import CollectorRegistry

from asking import asking
from local_ports import free_port
from servers import at_end, folder_for_all
from taxi_predictor.adapters.prometheus.asking import open_asking
from taxi_predictor.adapters.prometheus.queried import PrometheusServiceSignals
from taxi_predictor.adapters.prometheus.scraped import ScrapedServiceSignals
from taxi_predictor.adapters.prometheus.telemetry import PrometheusTelemetry
from taxi_predictor.adapters.system.clock import SystemClock
from taxi_predictor.domain.errors import PromotionRefused, Unavailable
from taxi_predictor.domain.model import ModelVersion
from taxi_predictor.domain.record import AnswerSource
from taxi_predictor.domain.signals import NO_QUESTION, Alarm
from taxi_predictor.ports.outbound.runs import Run, RunKind
from taxi_predictor.ports.outbound.signals import ServiceSignals
from taxi_predictor.ports.testing.monitoring import a_live_report
from taxi_predictor.ports.testing.signals import ServiceSignalsContract
from taxi_predictor.ports.testing.watched import VERSION, WatchedService
from watched import Remembered, Served

RULES = Path(__file__).parents[2] / "deploy" / "prometheus" / "rules" / "service.yml"
PATIENCE_S = 30.0
needs_prometheus = pytest.mark.skipif(
    not all(map(shutil.which, ("prometheus", "prometheus-alertmanager"))),
    reason="prometheus and prometheus-alertmanager are not installed",
)


class TestMemoryServiceSignals(ServiceSignalsContract):
    @asynccontextmanager
    async def open(self) -> AsyncIterator[tuple[ServiceSignals, WatchedService]]:
        service = Remembered()
        yield service.signals, service


class TestScrapedServiceSignals(ServiceSignalsContract):
    @asynccontextmanager
    async def open(self) -> AsyncIterator[tuple[ServiceSignals, WatchedService]]:
        service = Served()
        async with service.running(), open_asking() as asking:
            yield (
                ScrapedServiceSignals(
                    asking,
                    api_figures=(f"{service.url('api')}/metrics",),
                    monitor=service.url("monitor"),
                    api=service.url("api"),
                    clock=SystemClock(),
                ),
                service,
            )


def rule(name: str, expr: str, severity: str) -> dict[str, Any]:
    summary = f"{name} of {{{{ $labels.version }}}}"
    return {
        "alert": name,
        "expr": expr,
        "labels": {"severity": severity},
        "annotations": {"summary": summary, "runbook_url": f"https://example.com/{name}.md"},
    }


RULES_HERE = [
    rule("Watchdog", "vector(1)", "none"),
    rule("ApiDown", 'absent(up{job="api"} == 1)', "critical"),
    rule(
        "ModelErrorOutOfBand", f'taxi_live_out_of_band{{measure="mae", version="{VERSION}"}} == 1', "warning"
    ),
]


class Watchers:
    """A real Prometheus, which looks twice a second, and tells a real Alertmanager: once for all tests here.

    They take five seconds to find what they watch, so what they saw is deleted instead.
    """

    def __init__(self, folder: Path) -> None:
        self.ports = {"api": free_port(), "monitor": free_port()}
        self.prometheus, self.alertmanager = (f"http://127.0.0.1:{free_port()}" for _ in range(2))
        told = self.alertmanager.removeprefix("http://")
        configuration = {
            "global": {"scrape_interval": "400ms", "scrape_timeout": "400ms", "evaluation_interval": "200ms"},
            "rule_files": ["rules.yml"],
            "alerting": {"alertmanagers": [{"static_configs": [{"targets": [told]}]}]},
            "scrape_configs": [
                {"job_name": part, "static_configs": [{"targets": [f"127.0.0.1:{port}"]}]}
                for part, port in self.ports.items()
            ],
        }
        routes = {"route": {"receiver": "nobody"}, "receivers": [{"name": "nobody"}]}
        for name, declared in {
            "rules": {"groups": [{"name": "all", "rules": RULES_HERE}]},
            "prometheus": configuration,
            "alertmanager": routes,
        }.items():
            (folder / f"{name}.yml").write_text(yaml.safe_dump(declared))
        commands = (
            (
                "prometheus",
                "--config.file=prometheus.yml",
                "--storage.tsdb.path=data",
                "--rules.alert.resend-delay=1s",
                "--web.enable-admin-api",
                f"--web.listen-address={self.prometheus.removeprefix('http://')}",
            ),
            (
                "prometheus-alertmanager",
                "--config.file=alertmanager.yml",
                "--storage.path=alerts",
                "--cluster.listen-address=",
                f"--web.listen-address={told}",
            ),
        )
        with (folder / "log").open("wb") as log:
            self._running = [
                subprocess.Popen(command, cwd=folder, stdout=log, stderr=log) for command in commands
            ]

    def forget(self) -> None:
        """All that was seen."""
        url = f"{self.prometheus}/api/v1/admin/tsdb/delete_series"
        asking.post(url, params={"match[]": '{__name__=~".+"}'}).raise_for_status()

    def told(self) -> list[str]:
        """The alerts that got through and hold."""
        url = f"{self.alertmanager}/api/v2/alerts"
        return sorted(alert["labels"]["alertname"] for alert in asking.get(url).json())

    def firing(self) -> list[str]:
        """The alerts that the rules have found."""
        found = asking.get(f"{self.prometheus}/api/v1/alerts").json()["data"]["alerts"]
        return sorted(alert["labels"]["alertname"] for alert in found if alert["state"] == "firing")

    def evaluated_s(self) -> float:
        """When the rules were last looked at."""
        found = asking.get(f"{self.prometheus}/api/v1/rules").json()["data"]["groups"]
        return min(datetime.fromisoformat(group["lastEvaluation"]).timestamp() for group in found)

    def by_job(self, query: str) -> dict[str, float]:
        url = f"{self.prometheus}/api/v1/query"
        answer = asking.get(url, params={"query": query}).json()
        return {one["metric"]["job"]: float(one["value"][1]) for one in answer["data"]["result"]}

    def stop(self) -> None:
        for process in self._running:
            process.terminate()
        for process in self._running:
            process.wait(10)


@cache
def watchers() -> Watchers:
    watchers = Watchers(folder_for_all("signals"))
    at_end(watchers.stop)  # before its folder goes
    return watchers


class Scraped(Served):
    """A service where the watchers look."""

    def __init__(self) -> None:
        super().__init__()
        self.watchers = watchers()
        self.ports = self.watchers.ports

    async def seen(self) -> None:
        """By the rules, too, and by whoever hears of what they say."""
        now_s = time.time()
        await self._until(lambda: self._is_seen(now_s))
        seen_s = time.time()
        await self._until(lambda: self.watchers.evaluated_s() > seen_s)
        await self._until(lambda: self.watchers.told() == self.watchers.firing())

    async def forgotten(self) -> None:
        """Return once nothing is known of those that ran before."""
        await self._until(self.watchers.forget)

    async def watched(self) -> None:
        """Return once all parts are seen, and nothing is said of them."""
        now_s = time.time()
        await self._until(lambda: self._is_seen(now_s))
        await self._until(lambda: self.watchers.told() == ["Watchdog"])

    def _is_seen(self, since_s: float) -> bool:
        """Whether each part was looked at since then, and found as it is."""
        up, looked_s = self.watchers.by_job("up"), self.watchers.by_job("timestamp(up)")
        is_new = len(looked_s) == len(self.ports) and min(looked_s.values()) > since_s
        return is_new and all(up.get(part) == (part in self.serving) for part in self.ports)

    async def _until(self, is_so: Callable[[], bool | None]) -> None:
        """Until it is not false, without an error of those that only just start."""
        deadline_s = time.monotonic() + PATIENCE_S
        while True:
            try:
                if await asyncio.to_thread(is_so) is not False:
                    return
            except (httpx.HTTPError, ValueError):
                pass
            assert time.monotonic() < deadline_s
            await asyncio.sleep(0.05)


@asynccontextmanager
async def watched_by_prometheus() -> AsyncIterator[Scraped]:
    service = Scraped()
    await service.forgotten()
    async with service.running():
        await service.watched()
        yield service


@needs_prometheus
class TestPrometheusServiceSignals(ServiceSignalsContract):
    """Alerts are Alertmanager's here."""

    @asynccontextmanager
    async def open(self) -> AsyncIterator[tuple[ServiceSignals, WatchedService]]:
        async with watched_by_prometheus() as service, open_asking() as asking:
            yield (
                PrometheusServiceSignals(
                    asking,
                    prometheus=service.watchers.prometheus,
                    alertmanager=service.watchers.alertmanager,
                ),
                service,
            )


@needs_prometheus
async def test_prometheus_alone_knows_alerts_too_and_alertmanager_what_is_silenced() -> None:
    async with watched_by_prometheus() as service, open_asking() as asking:
        prometheus, alertmanager = service.watchers.prometheus, service.watchers.alertmanager
        alone = PrometheusServiceSignals(asking, prometheus=prometheus, alertmanager=None)
        both = PrometheusServiceSignals(asking, prometheus=prometheus, alertmanager=alertmanager)
        service.monitor.looked(a_live_report(VERSION, error_s=900.0))
        await service.seen()
        [alarm], [same] = await alone.alarms(), await both.alarms()
        assert alarm.since is not None
        assert same.since is not None
        assert (alarm.name, alarm.summary, alarm.runbook_url) == (same.name, same.summary, same.runbook_url)
        now = datetime.now(UTC)
        silence = {
            "matchers": [{"name": "alertname", "value": alarm.name, "isRegex": False}],
            "startsAt": now.isoformat(),
            "endsAt": (now + timedelta(hours=1)).isoformat(),
            "createdBy": "the tests",
            "comment": "known",
        }
        async with httpx.AsyncClient(base_url=f"{alertmanager}/api/v2", trust_env=False) as client:
            made = (await client.post("/silences", json=silence)).raise_for_status().json()
            try:
                await service.seen()
                [muted] = await both.alarms()
                assert muted.is_muted
            finally:
                (await client.delete(f"/silence/{made['silenceID']}")).raise_for_status()
        known = ["api", "monitor", "registry", "prometheus", "alertmanager"]
        assert [part.name for part in await both.parts()] == known


async def test_whoever_would_tell_and_is_away_is_a_part_in_trouble() -> None:
    nowhere = f"http://127.0.0.1:{free_port()}"
    async with open_asking() as asking:
        signals = PrometheusServiceSignals(asking, prometheus=nowhere, alertmanager=nowhere)
        for question in (signals.load, signals.course, signals.quality, signals.alarms):
            with pytest.raises(Unavailable, match="does not answer"):
                await question()
        parts = {part.name: part.trouble for part in await signals.parts()}
    assert set(parts) == {"api", "monitor", "prometheus", "alertmanager"}
    assert all(trouble is not None for trouble in parts.values())


async def test_who_answers_something_else_is_no_prometheus() -> None:
    service = Served()
    async with service.running(), open_asking() as asking:
        signals = PrometheusServiceSignals(
            asking, prometheus=service.url("api"), alertmanager=service.url("api")
        )
        for question in (signals.load, signals.quality, signals.alarms):
            with pytest.raises(Unavailable):
                await question()


async def test_of_two_colours_those_that_answer_are_added_up() -> None:
    blue, green = Served(), Served()
    async with blue.running(), green.running(), open_asking() as asking:
        signals = ScrapedServiceSignals(
            asking,
            api_figures=[f"{one.url('api')}/metrics" for one in (blue, green)],
            monitor=blue.url("monitor"),
            api=blue.url("api"),
            clock=SystemClock(),
        )
        for one, requests in ((blue, 3), (green, 4)):
            for _ in range(requests):
                one.telemetry.answered(method="GET", route="/v1/stats", status=200, elapsed_s=0.01)
        assert (await signals.load()).requests == 7
        await blue.stop("api")
        green.telemetry.answered(method="GET", route="/v1/stats", status=500, elapsed_s=0.01)
        load = await signals.load()
        assert (load.requests, load.failures) == (5, 1)
        assert load.lately is not None
        # What blue had counted is no reason to think that anybody took it back.
        assert load.lately.rates.failed == 1.0


async def test_a_counter_that_begins_anew_takes_nothing_away() -> None:
    service = Served()
    async with service.running(), open_asking() as asking:
        signals = ScrapedServiceSignals(
            asking,
            api_figures=(f"{service.url('api')}/metrics",),
            monitor=service.url("monitor"),
            api=service.url("api"),
            clock=SystemClock(),
        )
        for _ in range(100):
            service.telemetry.answered(method="GET", route="/v1/stats", status=200, elapsed_s=0.01)
        _ = await signals.load()
        await service.stop("api")
        service.telemetry = PrometheusTelemetry(CollectorRegistry())
        service.telemetry.answered(method="GET", route="/v1/stats", status=500, elapsed_s=0.01)
        await service.start("api")
        lately = (await signals.load()).lately
        assert lately is not None
        assert lately.rates.requests_per_s * lately.over_s == pytest.approx(1.0)
        assert lately.rates.failed == 1.0


async def test_figures_that_say_that_something_is_wrong_are_alarms() -> None:
    service = Served()
    async with service.running(), open_asking() as asking:
        signals = ScrapedServiceSignals(
            asking,
            api_figures=(f"{service.url('api')}/metrics",),
            monitor=service.url("monitor"),
            api=service.url("api"),
            clock=SystemClock(),
        )
        service.telemetry.ready(None)
        assert names(await signals.alarms()) == ["ApiNotReady"]
        service.telemetry.ready(AnswerSource.LAST_GOOD, version=ModelVersion(6))
        service.monitor.looked(a_live_report(VERSION, error_s=900.0))
        assert names(await signals.alarms()) == ["DegradedAnswers"]
        now = SystemClock().now()
        training = Run(kind=RunKind.TRAINING, ended_at=now, took_s=1.0, trouble=PromotionRefused.slug)
        service.telemetry.ran(training, now=now)
        assert names(await signals.alarms()) == ["DegradedAnswers", "ModelRefused"]
        service.telemetry.ran(replace(training, trouble="unavailable"), now=now)
        assert names(await signals.alarms()) == ["DegradedAnswers", "RunFailed"]
        await service.stop("monitor")
        assert names(await signals.alarms()) == ["DegradedAnswers", "RunFailed", "TargetDown"]


def names(alarms: Any) -> list[str]:
    assert all(isinstance(alarm, Alarm) for alarm in alarms)
    return [alarm.name for alarm in alarms]


def test_the_rules_and_the_page_mean_the_same_questions() -> None:
    assert f'route!~"{NO_QUESTION}"' in RULES.read_text("utf-8")
