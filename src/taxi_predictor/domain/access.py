"""Who asks, and what they may do."""

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["ANYBODY", "Caller", "Scope"]


class Scope(StrEnum):
    """What a caller may do; each allows just what it says."""

    PREDICT = "predict"
    OUTCOMES = "outcomes"
    """Tell how long trips really took."""
    ADMIN = "admin"
    """See and change which model serves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    name: str
    """Of the key, for journals and limits; never the key itself."""
    scopes: frozenset[Scope]


ANYBODY = Caller(name="anybody", scopes=frozenset({Scope.PREDICT}))
"""Who asks without a key where predictions are open."""
