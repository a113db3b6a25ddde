"""What each process of ours on ECS is told: what of :class:`Settings` is not as it would be anyway."""

from collections.abc import Mapping
from pathlib import Path

from msgspec import structs

from taxi_predictor.apps.settings import Settings

__all__ = ["HOME", "SCRATCH", "SETTINGS", "environment_of"]

HOME, SCRATCH = "/var/lib/taxi", "/tmp"  # noqa: S108 # the container's own

KNOWN = Settings(
    profile="server",
    home=Path(HOME),
    mlflow_tracking_uri="${mlflow_uri}",
    # Two colours of four tasks, each two workers and the process beside them: 48 connections, of 60.
    pool_max=2,
)
"""What every process of ours is told."""

SETTINGS: Mapping[str, Settings] = {
    "api": structs.replace(
        KNOWN,
        # Nothing of a task outlives it, so a prediction is in PostgreSQL before its answer leaves (ADR 19).
        prediction_log="commit",
        # A job would be known to one task only, and gone with it: `score` reads and writes buckets instead.
        jobs_max_bytes=0,
        redis_url="${redis_url}",
        api_host="0.0.0.0",  # noqa: S104 # its security group says who reaches it
        api_workers=2,
        api_rate_per_minute=6000,
        # Clients ask by the one name, the dashboard by the other.
        api_allowed_hosts=("${api_name}", "api"),
        api_trusted_proxies=("${vpc_cidr}",),
        # The load balancer asks every ten seconds and believes the second answer.
        api_drain_s=25.0,
        metrics_host="0.0.0.0",  # noqa: S104 # likewise: nobody yet
    ),
    "dashboard": structs.replace(
        KNOWN,
        prediction_log="off",
        dashboard_host="0.0.0.0",  # noqa: S104 # as above
        dashboard_origins=("${dashboard_name}:443", "${dashboard_name}"),
        dashboard_open=False,
        dashboard_api_url="http://api:8000",
    ),
    "monitor": structs.replace(KNOWN, monitor_host="0.0.0.0"),  # noqa: S104 # as above
    "migrate": structs.replace(KNOWN, home=Path(SCRATCH) / "home"),
    "jobs": KNOWN,
}


def environment_of(settings: Settings) -> Mapping[str, str]:
    """What says *settings* to a process: a variable for each that is not as it would be anyway."""
    plain, told = Settings(), {}
    for field in Settings.__struct_fields__:
        value = getattr(settings, field)
        if value != getattr(plain, field):
            told[f"TAXI_{field.upper()}"] = _shown(value)
    return told


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return ",".join(value)
    return f"{value:g}" if isinstance(value, float) else str(value)
