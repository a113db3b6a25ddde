"""How long the parts of a request took, as its Server-Timing header tells (W3C Server Timing)."""

from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter

from litestar.types import Scope

__all__ = ["server_timing", "timed"]

_STATE_KEY = "taxi_predictor_timing"


@contextmanager
def timed(scope: Scope, part: str) -> Iterator[None]:
    """Count what is done inside for *part*, such as ``model``."""
    began_s = perf_counter()
    try:
        yield
    finally:
        parts: dict[str, float] = scope["state"].setdefault(_STATE_KEY, {})
        parts[part] = parts.get(part, 0.0) + perf_counter() - began_s


def server_timing(scope: Scope) -> str | None:
    """The header's value, in milliseconds; None where nothing was timed."""
    parts: dict[str, float] = scope["state"].get(_STATE_KEY, {})
    return ", ".join(f"{part};dur={seconds * 1000:.3f}" for part, seconds in parts.items()) or None
