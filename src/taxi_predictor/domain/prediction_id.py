"""Names of predictions, in the order in which they were made."""

import re
from datetime import UTC, datetime
from secrets import randbits
from typing import NewType

from taxi_predictor.domain.errors import Invalid

__all__ = ["PredictionId", "new_prediction_id", "parse_prediction_id", "predicted_at"]

PredictionId = NewType("PredictionId", str)

FORM = re.compile("[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def new_prediction_id(now: datetime) -> PredictionId:
    """A UUID of version 7 (RFC 9562, 5.7): milliseconds since 1970, then 74 random bits."""
    unix_ms = int(now.timestamp() * 1000)
    # The version stands before the first 12 random bits, the variant before the other 62.
    random = randbits(74)
    high, low = 7 << 12 | random >> 62, 2 << 62 | random & ((1 << 62) - 1)
    digits = f"{unix_ms:012x}{high:04x}{low:016x}"
    return PredictionId("-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:])))


def parse_prediction_id(text: str) -> PredictionId:
    """The id that *text* is.

    Raises:
        Invalid: no prediction was ever called so.
    """
    if not FORM.fullmatch(text):
        raise Invalid("a prediction is named by a UUID of version 7, in lower case, as it was answered")
    return PredictionId(text)


def predicted_at(prediction_id: PredictionId) -> datetime:
    """When the prediction was made, to the millisecond: its name says so."""
    return datetime.fromtimestamp(int(prediction_id[:8] + prediction_id[9:13], 16) / 1000, UTC)
