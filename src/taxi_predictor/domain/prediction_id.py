"""Names of predictions, in the order in which they were made."""

from datetime import datetime
from secrets import randbits
from typing import NewType
from uuid import UUID

__all__ = ["PredictionId", "new_prediction_id"]

PredictionId = NewType("PredictionId", str)


def new_prediction_id(now: datetime) -> PredictionId:
    """A UUID of version 7 (RFC 9562, 5.7): milliseconds since 1970, then 74 random bits."""
    unix_ms = int(now.timestamp() * 1000)
    random = randbits(74)
    high, low = random >> 62, random & ((1 << 62) - 1)
    return PredictionId(str(UUID(int=unix_ms << 80 | 7 << 76 | high << 64 | 2 << 62 | low)))
