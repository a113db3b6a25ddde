"""How a dashboard sees the service follows from its settings."""

import pytest

from taxi_predictor.adapters.prometheus.queried import PrometheusServiceSignals
from taxi_predictor.adapters.prometheus.scraped import ScrapedServiceSignals
from taxi_predictor.apps.addresses import url_here
from taxi_predictor.apps.contradictions import refuse_contradictions
from taxi_predictor.apps.environment import load_settings
from taxi_predictor.apps.service_signals import open_signals
from taxi_predictor.apps.settings import InvalidSettings, Settings

PROMETHEUS = "http://prometheus:9090"


@pytest.mark.parametrize(
    ("settings", "kind"),
    [
        (Settings(), ScrapedServiceSignals),
        (Settings(prometheus_url=PROMETHEUS), PrometheusServiceSignals),
        (Settings(metrics_port=0), type(None)),
        (
            Settings(metrics_port=0, dashboard_api_figures=("http://api:9464/metrics",)),
            ScrapedServiceSignals,
        ),
    ],
    ids=str,
)
async def test_prometheus_is_asked_where_it_is_and_else_the_figures(settings: Settings, kind: type) -> None:
    async with open_signals(settings) as signals:
        assert isinstance(signals, kind)


def test_an_alertmanager_alone_is_refused() -> None:
    settings = load_settings({"TAXI_ALERTMANAGER_URL": "http://alertmanager:9093"})
    with pytest.raises(InvalidSettings, match="TAXI_PROMETHEUS_URL"):
        refuse_contradictions(settings)
    refuse_contradictions(load_settings({"TAXI_PROMETHEUS_URL": PROMETHEUS}))


def test_what_listens_everywhere_is_reached_here() -> None:
    assert url_here("0.0.0.0", 9464) == "http://127.0.0.1:9464"
    assert url_here("::", 9464) == "http://[::1]:9464"
    assert url_here("10.0.0.7", 9464) == "http://10.0.0.7:9464"
