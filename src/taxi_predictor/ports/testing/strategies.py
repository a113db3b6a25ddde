"""Hypothesis strategies for the values that cross the ports."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

from hypothesis import strategies as st

from taxi_predictor.domain.city import Airport, City
from taxi_predictor.domain.place import Bounds, Place, Point, ZoneId
from taxi_predictor.domain.trip import FinishedTrip, TripId, TripPlan

__all__ = [
    "A_CITY",
    "LAST_ZONE",
    "SINCE",
    "UNTIL",
    "cities",
    "clock_changes",
    "finished_trips",
    "instants",
    "places",
    "plans",
    "points",
    "time_zones",
    "trip_ids",
    "zone_ids",
]

SINCE, UNTIL = datetime(2001, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
LAST_ZONE = 265

A_CITY = City(
    name="A City",
    time_zone="America/New_York",
    bounds=Bounds(south_deg=40.45, west_deg=-74.30, north_deg=40.95, east_deg=-73.65),
    street_angle_deg=29.0,
    airports=(
        Airport(name="JFK", point=Point(40.6413, -73.7781)),
        Airport(name="LGA", point=Point(40.7769, -73.8740)),
        Airport(name="EWR", point=Point(40.6895, -74.1745)),
    ),
    holidays=tuple(
        date(year, month, day) for year in range(2022, 2026) for month, day in ((1, 1), (7, 4), (12, 25))
    ),
)
"""A city much like New York, with a clock that changes, airports and a few holidays."""


def points(*, within: City = A_CITY) -> st.SearchStrategy[Point]:
    """Points inside the bounds of a city, edges included."""
    bounds = within.bounds
    return st.builds(
        Point,
        st.floats(bounds.south_deg, bounds.north_deg, allow_subnormal=False),
        st.floats(bounds.west_deg, bounds.east_deg, allow_subnormal=False),
    )


def zone_ids(*, first: int = 1, last: int = LAST_ZONE) -> st.SearchStrategy[ZoneId]:
    """Ids of taxi zones from *first* to *last*."""
    return st.integers(first, last).map(ZoneId)


def places(*, city: City = A_CITY) -> st.SearchStrategy[Place]:
    """Places inside a city, about half of them with the zone they were given as.

    The zone and the point are drawn apart from each other: no zone table is known here.
    """
    return st.builds(Place, points(within=city), st.none() | zone_ids())


def instants(
    *, since: datetime = SINCE, until: datetime = UNTIL, time_zone: str = A_CITY.time_zone
) -> st.SearchStrategy[datetime]:
    """Instants from *since* up to, not including, *until*: aware, in UTC, in microseconds.

    About half lie within three hours of a clock change in *time_zone*, if it has any in between.
    """
    first, last = since.astimezone(UTC), until.astimezone(UTC) - timedelta(microseconds=1)
    anywhen = st.datetimes(first.replace(tzinfo=None), last.replace(tzinfo=None), timezones=st.just(UTC))
    changes = clock_changes(time_zone, first, last)
    if not changes:
        return anywhen
    reach = timedelta(hours=3)
    near_a_change = st.builds(
        lambda change, offset: min(max(change + offset, first), last),
        st.sampled_from(changes),
        st.timedeltas(-reach, reach),
    )
    return anywhen | near_a_change


def plans(
    *, city: City = A_CITY, since: datetime = SINCE, until: datetime = UNTIL
) -> st.SearchStrategy[TripPlan]:
    """Plans inside a city, departing from *since* up to, not including, *until*."""
    return st.builds(
        TripPlan,
        pickup=places(city=city),
        dropoff=places(city=city),
        pickup_at=instants(since=since, until=until, time_zone=city.time_zone),
        passenger_count=st.none() | st.integers(0, 9),
    )


def trip_ids() -> st.SearchStrategy[TripId]:
    """Ids of 32 lower-case hexadecimal digits."""
    return st.integers(0, 2**128 - 1).map(lambda number: TripId(f"{number:032x}"))


def finished_trips(
    *,
    city: City = A_CITY,
    since: datetime = SINCE,
    until: datetime = UNTIL,
    min_duration_s: float = 60.0,
    max_duration_s: float = 10_800.0,
) -> st.SearchStrategy[FinishedTrip]:
    """Trips that ended, each with an id of its own draw; a list may want ``unique_by`` the id.

    Places and durations are drawn apart from each other, so some trips are faster than any car.
    """
    return st.builds(
        FinishedTrip,
        trip_id=trip_ids(),
        plan=plans(city=city, since=since, until=until),
        duration_s=st.floats(min_duration_s, max_duration_s, allow_subnormal=False),
        metered_distance_km=st.none() | st.floats(0, 500, allow_subnormal=False),
        # Refunds are negative.
        total_amount=st.none() | st.floats(-100, 1000, allow_subnormal=False),
    )


def time_zones() -> st.SearchStrategy[str]:
    """Names of all time zones that this machine knows."""
    # These two name no place: the machine's own zone, and a zone nobody has set.
    return st.sampled_from(sorted(available_timezones() - {"localtime", "Factory"}))


@st.composite
def cities(draw: st.DrawFn) -> City:
    """Cities anywhere on Earth: any clock, street angle and size up to two degrees."""
    south_deg = draw(st.floats(-80, 78, allow_subnormal=False))
    west_deg = draw(st.floats(-180, 178, allow_subnormal=False))
    bounds = Bounds(
        south_deg=south_deg,
        west_deg=west_deg,
        north_deg=south_deg + draw(st.floats(0.1, 2)),
        east_deg=west_deg + draw(st.floats(0.1, 2)),
    )
    airport_points = st.builds(
        Point,
        st.floats(bounds.south_deg, bounds.north_deg, allow_subnormal=False),
        st.floats(bounds.west_deg, bounds.east_deg, allow_subnormal=False),
    )
    return City(
        name=draw(st.text("abcdefghijklmnopqrstuvwxyz-", min_size=1, max_size=12)),
        time_zone=draw(time_zones()),
        bounds=bounds,
        fallback_speed_km_h=draw(st.floats(5, 60)),
        street_angle_deg=draw(st.floats(-45, 45, allow_subnormal=False)),
        airports=tuple(
            draw(st.lists(st.builds(Airport, name=st.just("airport"), point=airport_points), max_size=2))
        ),
        holidays=tuple(
            draw(st.lists(st.dates(SINCE.date(), (UNTIL - timedelta(days=1)).date()), max_size=8))
        ),
    )


@lru_cache(maxsize=1024)
def clock_changes(time_zone: str, since: datetime, until: datetime) -> Sequence[datetime]:
    """The instants between *since* and *until* at which clocks in *time_zone* jump, in whole seconds.

    Two jumps within a fortnight that cancel each other are missed.
    """
    tz, second = ZoneInfo(time_zone), timedelta(seconds=1)
    since, until = since.replace(microsecond=0), until.replace(microsecond=0)
    changes: list[datetime] = []
    after, offset = since, since.astimezone(tz).utcoffset()
    while after < until:
        before, after = after, min(after + timedelta(days=14), until)
        former, offset = offset, after.astimezone(tz).utcoffset()
        if offset == former:
            continue
        low, high = before, after
        while high - low > second:
            middle = low + (high - low) // (2 * second) * second
            if middle.astimezone(tz).utcoffset() == former:
                low = middle
            else:
                high = middle
        changes.append(high)
    return changes
