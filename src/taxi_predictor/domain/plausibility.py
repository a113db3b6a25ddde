"""Which finished trips are believable, and the one reason why another is not."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from math import nan
from typing import Generic, TypeVar

from taxi_predictor.domain.arithmetic import SCALAR, Arithmetic, Quantity
from taxi_predictor.domain.city import City
from taxi_predictor.domain.place import Point, great_circle_km

__all__ = ["CALENDAR", "EARLIEST", "LATEST", "ReadTrip", "Rejection", "doubts", "first_doubt"]

EARLIEST, LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
"""Departures from the one up to, not including, the other: the calendar has holidays for them, and
clocks have rules."""
CALENDAR = "between the years 2000 and 2099 by UTC"
"""The same in words."""

N = TypeVar("N", bound=Quantity)


class Rejection(StrEnum):
    """Why a row did not become a trip; a row has one reason, the first that applies."""

    MISSING_FIELD = "missing-field"
    """A pickup time, an end (or duration) or a place is empty."""
    MALFORMED_FIELD = "malformed-field"
    """A value that cannot be read as what its column holds."""
    NONEXISTENT_TIME = "nonexistent-time"
    """A local time in the hour that is skipped when the clocks go forward."""
    WRONG_MONTH = "wrong-month"
    """Picked up in another month than the file's name says."""
    OUTSIDE_CALENDAR = "outside-calendar"
    """Picked up before 2000 or after 2099 (UTC)."""
    UNKNOWN_ZONE = "unknown-zone"
    OUTSIDE_CITY = "outside-city"
    NOT_POSITIVE = "not-positive"
    """Ends before or when it begins."""
    METER_LEFT_ON = "meter-left-on"
    TOO_SHORT = "too-short"
    TOO_LONG = "too-long"
    IMPOSSIBLE_SPEED = "impossible-speed"
    """No car drives the straight line that fast."""
    DUPLICATE = "duplicate"
    """The same trip stands earlier in the same file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadTrip(Generic[N]):
    """What a source says of one finished trip, or of many as columns.

    The first six are conditions that only a reader can tell; the rest may be null (in columns)
    or NaN where one of those conditions holds.
    """

    is_missing: N
    is_malformed: N
    is_nonexistent_time: N
    is_wrong_month: N
    is_outside_calendar: N
    is_unknown_zone: N
    pickup_lat_deg: N
    pickup_lon_deg: N
    dropoff_lat_deg: N
    dropoff_lon_deg: N
    duration_s: N


def doubts(m: Arithmetic[N], trip: ReadTrip[N], city: City) -> Iterator[tuple[Rejection, N]]:
    """Yield each reason to reject *trip* with the condition for it; the first that holds counts.

    Whether a trip is a duplicate is for the store to say: it alone knows the others.
    """
    bounds, believable = city.bounds, city.plausibility
    yield Rejection.MALFORMED_FIELD, trip.is_malformed
    yield Rejection.MISSING_FIELD, trip.is_missing
    yield Rejection.NONEXISTENT_TIME, trip.is_nonexistent_time
    yield Rejection.WRONG_MONTH, trip.is_wrong_month
    yield Rejection.OUTSIDE_CALENDAR, trip.is_outside_calendar
    yield Rejection.UNKNOWN_ZONE, trip.is_unknown_zone
    yield (
        Rejection.OUTSIDE_CITY,
        m.either(
            m.either(
                m.either(trip.pickup_lat_deg < bounds.south_deg, trip.pickup_lat_deg > bounds.north_deg),
                m.either(trip.pickup_lon_deg < bounds.west_deg, trip.pickup_lon_deg > bounds.east_deg),
            ),
            m.either(
                m.either(trip.dropoff_lat_deg < bounds.south_deg, trip.dropoff_lat_deg > bounds.north_deg),
                m.either(trip.dropoff_lon_deg < bounds.west_deg, trip.dropoff_lon_deg > bounds.east_deg),
            ),
        ),
    )
    yield Rejection.NOT_POSITIVE, trip.duration_s <= 0
    yield Rejection.METER_LEFT_ON, trip.duration_s >= believable.meter_left_on_s
    yield Rejection.TOO_SHORT, trip.duration_s < believable.min_duration_s
    yield Rejection.TOO_LONG, trip.duration_s > believable.max_duration_s
    distance_km = great_circle_km(
        m, trip.pickup_lat_deg, trip.pickup_lon_deg, trip.dropoff_lat_deg, trip.dropoff_lon_deg
    )
    yield Rejection.IMPOSSIBLE_SPEED, distance_km > trip.duration_s * (believable.max_speed_km_h / 3600)


def first_doubt(
    *, ends: tuple[Point, Point] | None, pickup_at: datetime | None, duration_s: float, city: City
) -> Rejection | None:
    """The first reason to reject one trip; None: it is believed, as far as it is known.

    Args:
        ends: where it began and ended; None: not known, and so no reason.
        pickup_at: likewise.
    """
    pickup, dropoff = ends or (None, None)
    trip: ReadTrip[float] = ReadTrip(
        is_missing=False,
        is_malformed=False,
        is_nonexistent_time=False,
        is_wrong_month=False,
        is_outside_calendar=pickup_at is not None and not EARLIEST <= pickup_at < LATEST,
        is_unknown_zone=False,
        # A comparison with NaN never holds.
        pickup_lat_deg=pickup.lat_deg if pickup else nan,
        pickup_lon_deg=pickup.lon_deg if pickup else nan,
        dropoff_lat_deg=dropoff.lat_deg if dropoff else nan,
        dropoff_lon_deg=dropoff.lon_deg if dropoff else nan,
        duration_s=duration_s,
    )
    return next((why for why, holds in doubts(SCALAR, trip, city) if holds), None)
