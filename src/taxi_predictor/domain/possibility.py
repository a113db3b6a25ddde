"""Which trips can be asked about; a refusal names the part that is wrong."""

from datetime import datetime

from taxi_predictor.domain.city import City
from taxi_predictor.domain.errors import InvalidTrip
from taxi_predictor.domain.place import Place
from taxi_predictor.domain.plausibility import CALENDAR, EARLIEST, LATEST
from taxi_predictor.domain.trip import MOST_PASSENGERS, TripPlan

__all__ = ["refuse_absurd", "refuse_impossible", "refuse_outside"]


def refuse_impossible(plan: TripPlan, city: City) -> None:
    """Refuse a trip that nobody can say anything about.

    Raises:
        InvalidTrip: a place is outside *city*, the departure beyond its calendar, or there are more
            passengers than ride in a taxi.
    """
    for place, part in ((plan.pickup, "pickup"), (plan.dropoff, "dropoff")):
        if place.point not in city.bounds:
            refuse_outside(place, city, part)
    refuse_absurd(plan.pickup_at)
    if plan.passenger_count is not None and plan.passenger_count > MOST_PASSENGERS:
        raise InvalidTrip(
            f"passenger_count {plan.passenger_count} is not from 0 to {MOST_PASSENGERS}",
            part="passenger_count",
        )


def refuse_outside(place: Place, city: City, part: str) -> None:
    """Refuse a place, the *part* of a question, where nobody knows how long a trip takes.

    Raises:
        InvalidTrip: it is outside *city*.
    """
    point = place.point
    if point not in city.bounds:
        raise InvalidTrip(
            f"{part} {point.lat_deg}, {point.lon_deg} is outside the bounds of {city.name}", part=part
        )


def refuse_absurd(at: datetime, part: str = "pickup_at") -> None:
    """Refuse an instant, the *part* of a question, for which there are no holidays.

    Raises:
        InvalidTrip: it is beyond the calendar.
    """
    if EARLIEST.year < at.year < LATEST.year - 1:
        return  # no offset is as long as a year, and to compare instants takes a while
    if not EARLIEST <= at < LATEST:
        raise InvalidTrip(f"{part} {at.isoformat()} is not {CALENDAR}", part=part)
