"""A made-up city: where people live and ride, and how its streets flow.

Nobody took these trips. What is in them to be learned:

- *Places*: a dense centre, neighbourhoods around it and the city's real airports. People ride near
  rather than far, into the centre in the morning and out of it in the evening, late on weekends.
- *Streets*: a grid, turned as the city's; along it is quicker than across. A river runs beside the
  centre and costs whoever crosses it, more so in the rush. Some quarters are quick, some slow.
- *Time*: rush hours, worst in the centre; calm nights, weekends and holidays; a season.
- *Chance*: some weather each day, incidents that block an area for a while, and noise that is wider
  for short trips and in the rush. None of it can be known from a plan: no model gets below it.

Lengths are kilometres on a plane that touches the Earth at the centre of the city's bounds.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from taxi_predictor.domain.city import City
from taxi_predictor.domain.place import EARTH_RADIUS_KM

__all__ = ["Ends", "Floats", "Incident", "Ints", "Ride", "SimulatedCity", "SimulatedDay"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

KM_PER_DEG = math.radians(1) * EARTH_RADIUS_KM
QUARTERS_OF_WEEK = 7 * 96

NEIGHBOURHOODS = 16
PAIRS = 8192  # draws of (from, to) kept ready for each hour; the rarest pair has a share of 1/8192
CELLS = 64  # per side of the map
FULL_SIZE_KM = 24.0  # from the middle to the nearer edge; smaller cities are scaled down
EDGE_DEG = 1e-5  # keeps rounded coordinates inside the bounds

# By hour, from midnight. Demand has no unit; congestion runs from 0 (empty streets) to 1.
# fmt: off
WEEKDAY_DEMAND = (16, 9, 6, 4, 4, 7, 18, 33, 43, 41, 36, 35, 37, 37, 39, 40, 39, 45, 51, 49, 43, 39, 34, 25)
WEEKEND_DEMAND = (41, 38, 32, 22, 13, 8, 8, 9, 17, 25, 31, 35, 38, 39, 39, 39, 39, 41, 44, 44, 41, 40, 41, 42)
WEEKDAY_RUSH = (12, 6, 2, 0, 0, 6, 28, 65, 96, 92, 76, 74, 75, 75, 80, 88, 93, 100, 95, 74, 55, 44, 35, 24)
WEEKEND_RUSH = (32, 27, 20, 10, 4, 0, 0, 5, 12, 22, 32, 41, 48, 50, 50, 50, 50, 50, 50, 47, 43, 41, 41, 38)
# fmt: on

NIGHT_SPEED_KM_H = 34.0  # over 3 km through a quarter of the ordinary kind
SLOWEST_KM_H, FASTEST_KM_H = 6.0, 55.0  # before noise


class Ends(NamedTuple):
    """Where rides begin and end, in km east and north of the middle."""

    pickup_east: Floats
    pickup_north: Floats
    dropoff_east: Floats
    dropoff_north: Floats


class Ride(NamedTuple):
    """What the streets make of rides: the way, the middle of the duration and its spread."""

    distance_km: Floats
    log_duration_s: Floats
    log_spread: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """Something blocks the streets around a point for a while; seconds since the day began."""

    from_s: float
    until_s: float
    east_km: float
    north_km: float
    radius_km: float
    log_pace: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedDay:
    """How one day differs from another of its kind."""

    log_pace: float
    incidents: tuple[Incident, ...]


class SimulatedCity:
    """One city and seed always give the same streets and habits."""

    def __init__(self, city: City, seed: int) -> None:
        rng = np.random.default_rng(seed)
        bounds, middle = city.bounds, city.bounds.centre
        self._bounds, self._middle = bounds, middle
        self._km_per_lon_deg = KM_PER_DEG * math.cos(math.radians(middle.lat_deg))
        half_east = (bounds.east_deg - bounds.west_deg) / 2 * self._km_per_lon_deg
        half_north = (bounds.north_deg - bounds.south_deg) / 2 * KM_PER_DEG
        self._scale = min(half_east, half_north, FULL_SIZE_KM) / FULL_SIZE_KM
        angle = math.radians(city.street_angle_deg)
        self._cos, self._sin = math.cos(angle), math.sin(angle)
        self._river_across_km = 3.2 * self._scale
        self._holidays = frozenset(city.holidays)

        turn = np.arange(NEIGHBOURHOODS) * 2.4 + rng.uniform(-0.3, 0.3, NEIGHBOURHOODS)  # golden angle
        away = np.linspace(2.5, 10.0, NEIGHBOURHOODS) * self._scale
        airport_east = [(a.point.lon_deg - middle.lon_deg) * self._km_per_lon_deg for a in city.airports]
        airport_north = [(a.point.lat_deg - middle.lat_deg) * KM_PER_DEG for a in city.airports]
        reach = rng.uniform(1.8, 3.2, NEIGHBOURHOODS) * self._scale
        # The centre, the neighbourhoods, the airports: always in this order.
        self._east = np.array([0.0, *(away * np.sin(turn)), *airport_east])
        self._north = np.array([0.0, *(away * np.cos(turn)), *airport_north])
        self._reach = np.array([3.2 * self._scale, *reach, *(0.4 * a.radius_km for a in city.airports)])
        self._origins, self._destinations = self._habits(rng, len(city.airports))
        self._map_half_km = 18.0 * self._scale
        self._slowness, self._crowding = self._map(rng)
        self.demand = _week(WEEKDAY_DEMAND, WEEKEND_DEMAND)
        self._congestion = _week(WEEKDAY_RUSH, WEEKEND_RUSH) / 100

    def weekday(self, day: date) -> int:
        """Monday is 0; a holiday is lived as a Sunday."""
        return 6 if day in self._holidays else day.weekday()

    def demand_of_day(self, day: date) -> float:
        """How many people want to ride, relative to other days: less in summer and in deep winter."""
        weekday = self.weekday(day)
        season = 1 + 0.08 * math.cos(4 * math.pi * (_year_share(day) - 0.34))
        return season * float(self.demand[weekday * 96 : weekday * 96 + 96].sum())

    def day(self, day: date, rng: np.random.Generator) -> SimulatedDay:
        """Draw the weather and the incidents of *day*; streets are slowest in early December."""
        season = 0.05 * math.cos(2 * math.pi * (_year_share(day) - 0.93))
        incidents = tuple(
            Incident(
                from_s=(begin := rng.uniform(6, 22) * 3600),
                until_s=begin + rng.uniform(0.75, 3) * 3600,
                east_km=rng.normal(0, 4) * self._scale,
                north_km=rng.normal(0, 4) * self._scale,
                radius_km=rng.uniform(1, 2.5) * self._scale,
                log_pace=rng.uniform(0.2, 0.6),
            )
            for _ in range(rng.poisson(1.5))
        )
        return SimulatedDay(log_pace=season + rng.normal(0, 0.04), incidents=incidents)

    def ends(self, rng: np.random.Generator, quarter_of_week: Ints) -> Ends:
        """Draw where rides begin and end; each quarter of an hour has the habits of its hour."""
        pair = rng.integers(0, PAIRS, len(quarter_of_week)) + (quarter_of_week >> 2) * PAIRS
        origin, destination = self._origins[pair], self._destinations[pair]
        # The difference of two uniform draws: dense in the middle, and it ends.
        offset = rng.random((4, len(pair)))
        offset -= rng.random((4, len(pair)))
        from_reach, to_reach = self._reach[origin], self._reach[destination]
        return Ends(
            self._east[origin] + from_reach * offset[0],
            self._north[origin] + from_reach * offset[1],
            self._east[destination] + to_reach * offset[2],
            self._north[destination] + to_reach * offset[3],
        )

    def ride(self, ends: Ends, day: SimulatedDay, since_midnight_s: Floats, quarter_of_week: Ints) -> Ride:
        """How rides go that begin at *since_midnight_s*, which rises."""
        east, north = ends.dropoff_east - ends.pickup_east, ends.dropoff_north - ends.pickup_north
        along = np.abs(east * self._sin + north * self._cos)
        across = np.abs(east * self._cos - north * self._sin)
        is_crossing = self._is_beyond_river(ends.pickup_east, ends.pickup_north) != self._is_beyond_river(
            ends.dropoff_east, ends.dropoff_north
        )
        grid_km = along + across + 0.05  # no ride ends at the very kerb where it began
        distance_km = grid_km + 0.3 + 0.9 * is_crossing

        congestion = self._congestion[quarter_of_week]
        begin = self._cell(ends.pickup_east, ends.pickup_north)
        end = self._cell(ends.dropoff_east, ends.dropoff_north)
        halfway = self._cell(ends.pickup_east + east / 2, ends.pickup_north + north / 2)
        slowness = self._slowness[begin] + self._slowness[halfway] + self._slowness[end]
        crowding = self._crowding[begin] + self._crowding[halfway] + self._crowding[end]

        log_speed = math.log(NIGHT_SPEED_KM_H) + 0.3 * np.log(distance_km / 3)
        log_speed -= congestion * (0.35 + 0.14 * crowding + 0.12 * is_crossing)
        log_speed -= slowness / 3 + 0.08 * is_crossing + 0.16 * across / grid_km + day.log_pace
        for incident in day.incidents:
            hit = slice(*np.searchsorted(since_midnight_s, (incident.from_s, incident.until_s)))
            away_km = np.hypot(
                ends.pickup_east[hit] + east[hit] / 2 - incident.east_km,
                ends.pickup_north[hit] + north[hit] / 2 - incident.north_km,
            )
            log_speed[hit] -= incident.log_pace * (away_km < incident.radius_km)
        np.clip(log_speed, math.log(SLOWEST_KM_H), math.log(FASTEST_KM_H), out=log_speed)
        return Ride(
            distance_km,
            math.log(3600) + np.log(distance_km) - log_speed,
            0.15 + 0.06 * congestion + 0.12 / (0.6 + distance_km),
        )

    def lat_deg(self, north_km: Floats) -> Floats:
        """Rounded as devices do, and always within the bounds."""
        lat_deg = np.round(self._middle.lat_deg + north_km / KM_PER_DEG, 6)
        return lat_deg.clip(self._bounds.south_deg + EDGE_DEG, self._bounds.north_deg - EDGE_DEG)

    def lon_deg(self, east_km: Floats) -> Floats:
        """Rounded as devices do, and always within the bounds."""
        lon_deg = np.round(self._middle.lon_deg + east_km / self._km_per_lon_deg, 6)
        return lon_deg.clip(self._bounds.west_deg + EDGE_DEG, self._bounds.east_deg - EDGE_DEG)

    def _is_beyond_river(self, east: Floats, north: Floats) -> NDArray[np.bool_]:
        return east * self._cos - north * self._sin > self._river_across_km

    def _cell(self, east: Floats, north: Floats) -> Ints:
        per_km = CELLS / (2 * self._map_half_km)
        column = ((east + self._map_half_km) * per_km).clip(0, CELLS - 1).astype(np.int64)
        row = ((north + self._map_half_km) * per_km).clip(0, CELLS - 1).astype(np.int64)
        return row * CELLS + column

    def _map(self, rng: np.random.Generator) -> tuple[Floats, Floats]:
        """By cell: what a quarter adds to the logarithm of the pace, and how it suffers in the rush."""
        middles = (np.arange(CELLS) + 0.5) / CELLS * 2 * self._map_half_km - self._map_half_km
        east, north = (axis.ravel() for axis in np.meshgrid(middles, middles))
        crowding = np.exp(-(east**2 + north**2) / (2 * (4.5 * self._scale) ** 2))
        slowness = np.zeros(CELLS * CELLS)
        for sign in (-1, 1) * 12:
            at_east, at_north = rng.uniform(-0.7, 0.7, 2) * self._map_half_km
            width_km = rng.uniform(1.2, 3.0) * self._scale
            bump = np.exp(-((east - at_east) ** 2 + (north - at_north) ** 2) / (2 * width_km**2))
            slowness += sign * 0.25 * bump
        # Where most people ride, the quick and the slow balance: seeds differ in pattern, not in level.
        slowness -= np.average(slowness, weights=crowding)
        return slowness + 0.22 * crowding, crowding

    def _habits(self, rng: np.random.Generator, airports: int) -> tuple[Ints, Ints]:
        """Draws of (from, to) for each hour of the week, in a row."""
        size = rng.uniform(0.5, 1.5, NEIGHBOURHOODS)
        is_lively = rng.random(NEIGHBOURHOODS) < 0.3
        away = np.hypot(self._east[:, None] - self._east, self._north[:, None] - self._north)
        nearness = np.exp(-away / (1.7 * self._scale))
        first_airport = 1 + NEIGHBOURHOODS
        # Who flies does not choose the nearest airport; nobody rides from one terminal to the next.
        nearness[first_airport:, :] = nearness[:, first_airport:] = 0.12
        nearness[first_airport:, first_airport:] = 0
        share = (np.arange(PAIRS) + 0.5) / PAIRS
        pairs = []
        for hour in range(7 * 24):
            weekday, of_day = divmod(hour, 24)
            morning = weekday < 5 and 6 <= of_day < 10
            evening = weekday < 5 and 16 <= of_day < 20
            late = of_day < 4 or of_day >= 21
            lively = 1 + (1.5 if late and weekday >= 4 else 0.2) * is_lively
            flights = np.full(airports, 0.0 if 1 <= of_day < 4 else 0.35)
            leave = np.array(
                [9 if morning else 15 if evening else 12, *size * lively * (1.7 if morning else 1)]
            )
            arrive = np.array([15 if morning else 9 if evening else 12, *size * (1.7 if evening else 1)])
            weights = np.outer([*leave, *flights], [*arrive, *flights]) * nearness
            cumulative = np.cumsum(weights) / weights.sum()
            pairs.append(np.searchsorted(cumulative, share))
        origins, destinations = np.divmod(np.concatenate(pairs), len(self._east))
        return origins, destinations


def _year_share(day: date) -> float:
    return (day.timetuple().tm_yday - 1) / 365.25


def _week(weekday: Sequence[int], weekend: Sequence[int]) -> Floats:
    """Quarters of an hour from Monday on, with straight lines between the hours."""
    hours = np.array([*weekday] * 5 + [*weekend] * 2)
    week: Floats = np.interp(
        (np.arange(QUARTERS_OF_WEEK) + 0.5) / 4, np.arange(len(hours)), hours, period=len(hours)
    )
    return week
