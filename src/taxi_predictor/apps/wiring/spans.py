"""Spans of time, as settings tell them by numbers."""

from datetime import timedelta

__all__ = ["span_of"]


def span_of(*, days: float = 0, seconds: float = 0) -> timedelta | None:
    """What a setting says by a number; by 0 it says that something is never."""
    return timedelta(days=days, seconds=seconds) or None
