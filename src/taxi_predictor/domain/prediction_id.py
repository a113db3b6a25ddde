"""Names of predictions, in the order in which they were made."""

import re
from datetime import UTC, datetime
from os import urandom
from typing import NewType

from taxi_predictor.domain.errors import InvalidPredictionId

__all__ = ["PredictionId", "new_prediction_id", "parse_prediction_id", "predicted_at"]

PredictionId = NewType("PredictionId", str)

FORM = re.compile("[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
_VERSION, _VARIANT = 7 << 76, 2 << 62
_FIXED_BITS = 15 << 76 | 3 << 62
"""Of the 80 behind the time: the version before the first 12 random ones, the variant before the other 62."""
LAST_MS = 253_402_300_799_000  # the last second of the year 9999


def new_prediction_id(now: datetime) -> PredictionId:
    """A UUID of version 7 (RFC 9562, 5.7): milliseconds since 1970, then 74 random bits."""
    unix_ms = int(now.timestamp() * 1000)
    text = f"{unix_ms << 80 | int.from_bytes(urandom(10)) & ~_FIXED_BITS | _VERSION | _VARIANT:032x}"
    return PredictionId(f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}")


def parse_prediction_id(text: str) -> PredictionId:
    """The id that *text* is.

    Raises:
        InvalidPredictionId: no prediction was ever called so.
    """
    # 48 bits of milliseconds reach further than the calendar does.
    if not FORM.fullmatch(text) or _unix_ms(text) > LAST_MS:
        raise InvalidPredictionId(
            "a prediction_id is a UUID of version 7 in lower case, as the answer gave it",
            part="prediction_id",
        )
    return PredictionId(text)


def predicted_at(prediction_id: PredictionId) -> datetime:
    """When the prediction was made, to the millisecond: its name says so."""
    return datetime.fromtimestamp(_unix_ms(prediction_id) / 1000, UTC)


def _unix_ms(text: str) -> int:
    return int(text[:8] + text[9:13], 16)
