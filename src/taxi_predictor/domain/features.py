"""The one definition of every trip feature.

Nothing here is known only after a trip. A running day index is left out on purpose: trees would
freeze its trend.
"""

import math
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Generic, NamedTuple, TypeVar
from zoneinfo import ZoneInfo

from taxi_predictor.domain.arithmetic import Arithmetic, Quantity
from taxi_predictor.domain.city import City
from taxi_predictor.domain.place import EARTH_RADIUS_KM, great_circle_km
from taxi_predictor.domain.trip import TripPlan

__all__ = [
    "CLOCK_FEATURES",
    "FEATURE_NAMES",
    "KM_PER_DEG",
    "SEASONAL_FEATURES",
    "FeatureEncoder",
    "PlanValues",
    "local_seconds",
    "plan_values",
]

N = TypeVar("N", bound=Quantity)

FEATURE_NAMES = (
    "pickup_lat_deg",
    "pickup_lon_deg",
    "dropoff_lat_deg",
    "dropoff_lon_deg",
    "pickup_zone",
    "dropoff_zone",
    "distance_km",  # great circle
    "east_km",
    "north_km",
    "along_km",  # along the avenues of the street grid, signed
    "across_km",
    "grid_distance_km",  # |along| + |across|: what a car in a grid has to drive
    "pickup_along_km",  # from the city's centre, in the grid
    "pickup_across_km",
    "dropoff_along_km",
    "dropoff_across_km",
    "bearing_deg",
    "midpoint_lat_deg",
    "midpoint_lon_deg",
    "minute_of_day",
    "weekday",  # Monday is 0
    "minute_of_week",
    "month",
    "day_of_year",
    "is_holiday",
    "days_to_holiday",  # -3..3 around the nearest holiday, negative before it; 4 when none is near
)

CLOCK_FEATURES = FEATURE_NAMES[FEATURE_NAMES.index("minute_of_day") :]
"""Those that hold for any trip at that time."""

SEASONAL_FEATURES = ("month", "day_of_year")
"""Of no use, and harmful, to a model that saw less than a year."""

KM_PER_DEG = math.radians(1) * EARTH_RADIUS_KM
HOLIDAY_REACH_DAYS = 3
NO_HOLIDAY = HOLIDAY_REACH_DAYS + 1
CALENDAR_FIRST = date(1970, 1, 1)
CALENDAR_DAYS = (date(2100, 1, 1) - CALENDAR_FIRST).days

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = timedelta(seconds=1)


class PlanValues(NamedTuple, Generic[N]):
    """The raw values of one plan, or of many as columns.

    ``local_s`` counts seconds of the city's wall clock since 1970-01-01 00:00 on that clock.
    A missing zone is NaN.
    """

    local_s: N
    pickup_lat_deg: N
    pickup_lon_deg: N
    pickup_zone: N
    dropoff_lat_deg: N
    dropoff_lon_deg: N
    dropoff_zone: N


def local_seconds(at: datetime, tz: ZoneInfo) -> float:
    """What a clock on the wall of *tz* shows *at* an instant, in seconds since it showed 1970-01-01 00:00."""
    return (at.astimezone(tz).replace(tzinfo=UTC) - _EPOCH) / _SECOND


def plan_values(plan: TripPlan, city: City, *, local_s: float | None = None) -> PlanValues[float]:
    """The raw values of one plan; *local_s* in place of its own departure, where that is of no use."""
    pickup, dropoff = plan.pickup, plan.dropoff
    return PlanValues(
        local_s=local_seconds(plan.pickup_at, city.tz) if local_s is None else local_s,
        pickup_lat_deg=pickup.point.lat_deg,
        pickup_lon_deg=pickup.point.lon_deg,
        pickup_zone=math.nan if pickup.zone is None else float(pickup.zone),
        dropoff_lat_deg=dropoff.point.lat_deg,
        dropoff_lon_deg=dropoff.point.lon_deg,
        dropoff_zone=math.nan if dropoff.zone is None else float(dropoff.zone),
    )


def signed_days_to_holiday(holidays: Sequence[date]) -> Sequence[int]:
    """For each day from :data:`CALENDAR_FIRST` on, the signed distance to the nearest holiday.

    Beyond the reach it is :data:`NO_HOLIDAY`; of two holidays equally near, the one ahead counts.
    """
    table = array("b", [NO_HOLIDAY]) * CALENDAR_DAYS
    for offset in sorted(range(-HOLIDAY_REACH_DAYS, HOLIDAY_REACH_DAYS + 1), key=lambda d: (-abs(d), -d)):
        for holiday in holidays:
            index = (holiday - CALENDAR_FIRST).days + offset
            if 0 <= index < CALENDAR_DAYS:
                table[index] = offset
    return table


@dataclass(frozen=True, slots=True)
class Calendar(Generic[N]):
    """The parts of a wall-clock instant."""

    minute_of_day: N
    weekday: N
    month: N
    day_of_year: N
    days_to_holiday: N


class FeatureEncoder(Generic[N]):
    """Turns plans of one city into features, in the order of :data:`FEATURE_NAMES`."""

    def __init__(self, city: City, m: Arithmetic[N]) -> None:
        self._m = m
        self._centre = city.bounds.centre
        angle = math.radians(city.street_angle_deg)
        self._cos, self._sin = math.cos(angle), math.sin(angle)
        self._holidays = signed_days_to_holiday(city.holidays)

    def encode(self, plan: PlanValues[N]) -> tuple[N, ...]:
        """Return one value (or column) per name of :data:`FEATURE_NAMES`."""
        return self.where(plan) + self.when(plan.local_s)

    def where(self, plan: PlanValues[N]) -> tuple[N, ...]:
        """The features that hold for any departure: the first ones."""
        m = self._m
        from_lat, from_lon = plan.pickup_lat_deg, plan.pickup_lon_deg
        to_lat, to_lon = plan.dropoff_lat_deg, plan.dropoff_lon_deg
        middle_lat, middle_lon = (from_lat + to_lat) / 2, (from_lon + to_lon) / 2

        # A plane that touches the Earth at the city's centre is exact enough inside a city.
        km_per_lon_deg = KM_PER_DEG * math.cos(math.radians(self._centre.lat_deg))
        pickup_east = (from_lon - self._centre.lon_deg) * km_per_lon_deg
        pickup_north = (from_lat - self._centre.lat_deg) * KM_PER_DEG
        east = (to_lon - from_lon) * km_per_lon_deg
        north = (to_lat - from_lat) * KM_PER_DEG
        pickup_along, pickup_across = self._grid(pickup_east, pickup_north)
        along, across = self._grid(east, north)

        return (
            from_lat,
            from_lon,
            to_lat,
            to_lon,
            plan.pickup_zone,
            plan.dropoff_zone,
            great_circle_km(m, from_lat, from_lon, to_lat, to_lon),
            east,
            north,
            along,
            across,
            m.fabs(along) + m.fabs(across),
            pickup_along,
            pickup_across,
            pickup_along + along,
            pickup_across + across,
            m.degrees(m.atan2(east, north)),
            middle_lat,
            middle_lon,
        )

    def when(self, local_s: N) -> tuple[N, ...]:
        """Those of :data:`CLOCK_FEATURES`."""
        m, when = self._m, self.calendar(local_s)
        return (
            when.minute_of_day,
            when.weekday,
            when.weekday * 1440 + when.minute_of_day,
            when.month,
            when.day_of_year,
            m.where(m.both(when.days_to_holiday >= 0, when.days_to_holiday <= 0), 1.0, 0.0),
            when.days_to_holiday,
        )

    def calendar(self, local_s: N) -> Calendar[N]:
        """Take wall-clock seconds apart.

        Years and months by H. Hinnant, "chrono-Compatible Low-Level Date Algorithms"
        (``civil_from_days``), whose year begins in March so that the leap day comes last.
        """
        m = self._m
        day = local_s // 86400
        minute_of_day = (local_s - day * 86400) / 60

        shifted = day + 719468  # days since 0000-03-01
        era = shifted // 146097
        day_of_era = shifted - era * 146097
        year_of_era = (day_of_era - day_of_era // 1460 + day_of_era // 36524 - day_of_era // 146096) // 365
        day_from_march = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
        month_from_march = (5 * day_from_march + 2) // 153
        is_after_new_year = month_from_march >= 10
        month = m.where(is_after_new_year, month_from_march - 9, month_from_march + 3)

        # From March to December the year begun in March is the calendar's own, and its leap day, if it
        # has one, lies behind. January and February have none behind them.
        is_leap = m.where(
            m.both(
                year_of_era % 4 < 1,
                m.either(year_of_era % 100 >= 1, year_of_era < 1),
            ),
            1.0,
            0.0,
        )
        day_of_year = m.where(is_after_new_year, day_from_march - 305, day_from_march + 60 + is_leap)
        return Calendar(
            minute_of_day=minute_of_day,
            weekday=(day + 3) % 7,
            month=month,
            day_of_year=day_of_year,
            days_to_holiday=m.take(self._holidays, m.clip(day, 0, CALENDAR_DAYS - 1)),
        )

    def _grid(self, east: N, north: N) -> tuple[N, N]:
        return east * self._sin + north * self._cos, east * self._cos - north * self._sin
