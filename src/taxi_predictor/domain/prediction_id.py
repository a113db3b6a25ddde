"""Names of predictions, in the order in which they were made."""

from datetime import datetime
from secrets import randbits
from typing import NewType

__all__ = ["PredictionId", "new_prediction_id"]

PredictionId = NewType("PredictionId", str)


def new_prediction_id(now: datetime) -> PredictionId:
    """A UUID of version 7 (RFC 9562, 5.7): milliseconds since 1970, then 74 random bits."""
    unix_ms = int(now.timestamp() * 1000)
    # The version stands before the first 12 random bits, the variant before the other 62.
    random = randbits(74)
    high, low = 7 << 12 | random >> 62, 2 << 62 | random & ((1 << 62) - 1)
    digits = f"{unix_ms:012x}{high:04x}{low:016x}"
    return PredictionId("-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:])))
