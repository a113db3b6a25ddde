"""How a dashboard sees the service: by Prometheus where there is one, else by the service's own figures."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from taxi_predictor.adapters.prometheus.asking import open_asking
from taxi_predictor.adapters.prometheus.queried import PrometheusServiceSignals
from taxi_predictor.adapters.prometheus.scraped import ScrapedServiceSignals
from taxi_predictor.adapters.system.clock import SystemClock
from taxi_predictor.apps.addresses import url_here
from taxi_predictor.apps.settings import Settings
from taxi_predictor.ports.outbound.signals import ServiceSignals

__all__ = ["open_signals"]


@asynccontextmanager
async def open_signals(settings: Settings) -> AsyncIterator[ServiceSignals | None]:
    """None: there are no figures, and nobody who keeps any."""
    async with open_asking() as asking:
        if settings.prometheus_url is not None:
            yield PrometheusServiceSignals(
                asking, prometheus=settings.prometheus_url, alertmanager=settings.alertmanager_url
            )
            return
        here = url_here(settings.metrics_host, settings.metrics_port)
        figures = settings.dashboard_api_figures or ((f"{here}/metrics",) if settings.metrics_port else ())
        if not figures:
            yield None
            return
        yield ScrapedServiceSignals(
            asking,
            api_figures=figures,
            monitor=settings.dashboard_monitor_url or url_here(settings.monitor_host, settings.monitor_port),
            api=settings.dashboard_api_url or url_here(settings.api_host, settings.api_port),
            clock=SystemClock(),
        )
