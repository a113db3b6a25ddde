"""What one deployment's HTTP face may do differently from another's."""

from dataclasses import dataclass

__all__ = ["Options"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Limits and permissions; the defaults are those of the settings, but predictions are open."""

    model_name: str = "taxi-duration"
    max_body_bytes: int = 1 << 20
    max_items: int = 10_000
    deadline_s: float = 30.0
    max_concurrent: int = 64
    max_waiting: int = 256
    open_predict: bool = True
    allowed_hosts: tuple[str, ...] = ()
    cors_origins: tuple[str, ...] = ()
    trusted_proxies: tuple[str, ...] = ()
    access_log: bool = False
    jobs_max_bytes: int = 2 << 30
