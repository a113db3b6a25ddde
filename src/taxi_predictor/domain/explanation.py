"""Why this trip takes this long, in words a dispatcher uses."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from math import exp, log

__all__ = ["CAUSE_OF", "Cause", "Explanation", "Part"]


class Cause(StrEnum):
    """What moves a duration away from that of the usual trip."""

    DISTANCE = "distance"
    PICKUP = "where from"
    DROPOFF = "where to"
    TIME = "time of day"
    """Of the week, to be exact: the hour and the weekday."""
    SEASON = "season"
    HOLIDAY = "holiday"
    LEVEL = "live level"
    CALIBRATION = "calibration"
    """The model's own correction on trips it had not seen, smoothing and bounds included."""


CAUSE_OF: Mapping[str, tuple[Cause, ...]] = {
    "pickup_lat_deg": (Cause.PICKUP,),
    "pickup_lon_deg": (Cause.PICKUP,),
    "dropoff_lat_deg": (Cause.DROPOFF,),
    "dropoff_lon_deg": (Cause.DROPOFF,),
    "pickup_zone": (Cause.PICKUP,),
    "dropoff_zone": (Cause.DROPOFF,),
    "distance_km": (Cause.DISTANCE,),
    "east_km": (Cause.DISTANCE,),
    "north_km": (Cause.DISTANCE,),
    "along_km": (Cause.DISTANCE,),
    "across_km": (Cause.DISTANCE,),
    "grid_distance_km": (Cause.DISTANCE,),
    "pickup_along_km": (Cause.PICKUP,),
    "pickup_across_km": (Cause.PICKUP,),
    "dropoff_along_km": (Cause.DROPOFF,),
    "dropoff_across_km": (Cause.DROPOFF,),
    "bearing_deg": (Cause.DISTANCE,),
    "midpoint_lat_deg": (Cause.PICKUP, Cause.DROPOFF),
    "midpoint_lon_deg": (Cause.PICKUP, Cause.DROPOFF),
    "minute_of_day": (Cause.TIME,),
    "weekday": (Cause.TIME,),
    "minute_of_week": (Cause.TIME,),
    "month": (Cause.SEASON,),
    "day_of_year": (Cause.SEASON,),
    "is_holiday": (Cause.HOLIDAY,),
    "days_to_holiday": (Cause.HOLIDAY,),
}
"""Of each feature; what a feature of two causes contributes is halved."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    cause: Cause
    log: float
    """What it adds to ln(seconds)."""
    factor: float
    """What it multiplies the duration by: exp of the above."""
    seconds: float
    """Its share of the difference to the usual trip; negative where it makes the trip shorter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """``usual_s`` times all factors, and ``usual_s`` plus all seconds, is ``duration_s``."""

    usual_s: float
    """The model's answer for a trip of which it knows nothing."""
    duration_s: float
    parts: tuple[Part, ...]

    @classmethod
    def of(cls, usual_log: float, logs: Mapping[Cause, float]) -> "Explanation":
        """Render contributions to ln(seconds), one per cause that has a part in the model.

        Seconds by the logarithmic mean Divisia index (B. W. Ang, "The LMDI approach to decomposition
        analysis", 2005), which leaves no remainder and treats shorter and longer alike.
        """
        usual_s, duration_s = exp(usual_log), exp(usual_log + sum(logs.values()))
        ratio_log = log(duration_s / usual_s)
        # The logarithmic mean of equals is themselves.
        mean_s = (duration_s - usual_s) / ratio_log if abs(ratio_log) > 1e-9 else usual_s
        parts = tuple(
            Part(cause=cause, log=value, factor=exp(value), seconds=value * mean_s)
            for cause, value in logs.items()
        )
        return cls(usual_s=usual_s, duration_s=duration_s, parts=parts)
