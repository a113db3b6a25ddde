"""Settings that contradict each other, refused before anything is opened."""

from collections.abc import Callable

from taxi_predictor.apps.settings import InvalidSettings, Settings

__all__ = ["refuse_contradictions"]


def refuse_contradictions(settings: Settings) -> None:
    """See that *settings* do not contradict each other.

    Raises:
        InvalidSettings: they do; the first contradiction is named.
    """
    for rule in RULES:
        if (reason := rule(settings)) is not None:
            raise InvalidSettings(reason)


def _unnamed_servers(settings: Settings) -> str | None:
    named = settings.database_url is not None and settings.mlflow_tracking_uri is not None
    if settings.profile == "server" and not named:
        return "profile server needs DATABASE_URL and MLFLOW_TRACKING_URI"
    return None


def _lone_counters(settings: Settings) -> str | None:
    if settings.api_rate_per_minute and settings.api_workers > 1 and settings.redis_url is None:
        return (
            f"{settings.api_workers} workers would each count alone, and admit {settings.api_workers} times"
            " TAXI_API_RATE_PER_MINUTE: name a Redis in TAXI_REDIS_URL, where they count together"
        )
    return None


def _no_collector(settings: Settings) -> str | None:
    if (settings.traces_share or settings.otlp_logs) and settings.otlp_endpoint is None:
        return (
            "there is no collector for traces and logs: name it in TAXI_OTLP_ENDPOINT,"
            " or leave TAXI_TRACES_SHARE and TAXI_OTLP_LOGS alone"
        )
    return None


def _figures_in_the_way(settings: Settings) -> str | None:
    if settings.metrics_port == settings.api_port and settings.metrics_host == settings.api_host:
        return f"TAXI_METRICS_PORT and TAXI_API_PORT are both {settings.api_port}: choose another for figures"
    return None


def _lone_alertmanager(settings: Settings) -> str | None:
    if settings.alertmanager_url is not None and settings.prometheus_url is None:
        return "TAXI_ALERTMANAGER_URL alone gives no figures: name its Prometheus in TAXI_PROMETHEUS_URL too"
    return None


def _short_memories(settings: Settings) -> str | None:
    if settings.api_keys_max_age_s <= settings.api_keys_every_s:
        return (
            f"keys that are read every {settings.api_keys_every_s:g} s (TAXI_API_KEYS_EVERY_S) would be too"
            f" old between any two readings with TAXI_API_KEYS_MAX_AGE_S={settings.api_keys_max_age_s:g}"
        )
    return None


def _unmatchable_hosts(settings: Settings) -> str | None:
    for name in settings.api_allowed_hosts:
        if "*" in name and name != "*" and not (name.startswith("*.") and "*" not in name[1:]):
            return f"TAXI_API_ALLOWED_HOSTS: {name} names no host; *.example.com names all below example.com"
    return None


RULES: tuple[Callable[[Settings], str | None], ...] = (
    _unnamed_servers,
    _lone_counters,
    _no_collector,
    _figures_in_the_way,
    _lone_alertmanager,
    _short_memories,
    _unmatchable_hosts,
)
