"""How long the parts of a request took, as its Server-Timing header tells (W3C Server Timing)."""

from taxi_predictor.ports.outbound.watch import Watch

__all__ = ["server_timing"]


def server_timing(watch: Watch) -> str | None:
    """The header's value, in milliseconds; None where nothing was timed."""
    parts = watch.parts.items()
    return ", ".join([f"{name};dur={part.busy_s * 1000:.3f}" for name, part in parts]) or None
