"""Simulated trips, as many as wanted: for trying things out, for load, and for drift on demand.

The streets and habits are those of :mod:`simulated_city`; here are the options, the calendar and
the mess that real files have. Rows are made in blocks, each from its own seed of (seed, day, block):
memory stays bounded, and any month can be made again alone.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import groupby
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from taxi_predictor.adapters.sources.simulated_city import Floats, Ints, SimulatedCity
from taxi_predictor.domain.city import City
from taxi_predictor.domain.errors import InvalidSource, MissingSource

__all__ = ["Simulation"]

MAX_TRIPS, MAX_MONTHS = 100_000_000, 120
EARLIEST, LATEST = date(2000, 1, 1), date(2100, 1, 1)
BLOCK_ROWS = 32_768  # its columns fit the processor's cache; it changes the rows, like a seed

QUARTER_S = 900  # every zone changes its offset on a quarter of an hour
TAIL_S = 30 * 3600  # the last meter of a day that is left on stops about then

PASSENGERS = np.repeat(np.arange(1, 7, dtype=np.int16), (71, 15, 4, 2, 5, 3))  # in a hundred trips
FLAWS = 5  # kinds of mess

OPTIONS: Mapping[str, tuple[Callable[[str], Any], str]] = {
    "trips": (int, "a whole number"),
    "seed": (int, "a whole number"),
    "since": (date.fromisoformat, "a day such as 2024-01-01"),
    "months": (int, "a whole number"),
    "slowdown": (float, "a number"),
    "slowdown_from": (date.fromisoformat, "a day such as 2024-03-01"),
    "mess": (float, "a number"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulation:
    """Made-up trips of one city; equal options give equal rows.

    Raises:
        InvalidSource: an option is out of its range.
    """

    city: City
    trips: int = 120_000
    """In all, the wrong rows among them."""
    seed: int = 1
    since: date = date(2024, 1, 1)
    """The first local day."""
    months: int = 3
    """Calendar months, the one of ``since`` being the first."""
    slowdown: float = 1.0
    """Durations are multiplied by this; the trips are otherwise the same."""
    slowdown_from: date | None = None
    """The local day from which on they are (None: all)."""
    mess: float = 0.02
    """The share of rows that are wrong on purpose, as in real files: meters left on, no or negative
    durations, coordinates 0/0, missing values, repeated rows; a fifth of each."""

    def __post_init__(self) -> None:
        # Written so that NaN fails too.
        _require("trips", self.trips, 1 <= self.trips <= MAX_TRIPS, f"1 to {MAX_TRIPS:,}")
        _require("seed", self.seed, 0 <= self.seed < 2**32, "0 to 4,294,967,295")
        _require("slowdown", self.slowdown, 0.1 <= self.slowdown <= 10, "0.1 to 10")
        _require("mess", self.mess, 0 <= self.mess <= 0.5, "0 to 0.5")
        _require("since", self.since, EARLIEST <= self.since < LATEST, f"{EARLIEST} to before {LATEST}")
        months_left = (LATEST.year - self.since.year) * 12 + 1 - self.since.month
        most = min(MAX_MONTHS, months_left)
        _require("months", self.months, 1 <= self.months <= most, f"1 to {most} from {self.since} on")

    @classmethod
    def parse(cls, options: str, city: City) -> "Simulation":
        """Read options such as ``trips=10_000_000,seed=3,since=2024-01-01``; empty: the defaults.

        Raises:
            InvalidSource: an option is unknown, repeated, not what it should be, or out of its range.
        """
        known = f"known options are {', '.join(OPTIONS)}"
        values: dict[str, Any] = {}
        for option in options.split(",") if options.strip() else ():
            name, equals, text = (part.strip() for part in option.partition("="))
            if name not in OPTIONS or not equals:
                raise InvalidSource(
                    f"the simulation has no option {option.strip()!r}; {known}, as name=value"
                )
            if name in values:
                raise InvalidSource(f"the simulation's option {name} is given twice; {known}")
            read, kind = OPTIONS[name]
            try:
                values[name] = read(text)
            except ValueError as error:
                raise InvalidSource(
                    f"the simulation's option {name} must be {kind}, not {text!r}; {known}"
                ) from error
        return cls(city=city, **values)

    @property
    def options(self) -> str:
        """All options in the form that :meth:`parse` reads: the name of these very trips."""
        return ",".join(f"{name}={value}" for name in OPTIONS if (value := getattr(self, name)) is not None)

    def rows_by_month(self) -> Sequence[tuple[date, int]]:
        """Each month as its first day, oldest first, with how many rows it has; they sum to ``trips``."""
        days = self._rows_by_day(SimulatedCity(self.city, self.seed))
        return [
            (month, sum(rows for _, rows in group))
            for month, group in groupby(days, key=lambda day: day[0].replace(day=1))
        ]

    def frames(self, month: date, *, rows_per_frame: int = 250_000) -> Iterator[pl.DataFrame]:
        """Yield the rows of the month in which the day *month* lies, in order of their pickup.

        Times are those of the city's clock, whole seconds and without a zone. All frames but the last
        have *rows_per_frame* rows; their size does not change the rows.

        Raises:
            MissingSource: the simulation does not reach into that month.
        """
        city = SimulatedCity(self.city, self.seed)
        first = month.replace(day=1)
        days = [(day, rows) for day, rows in self._rows_by_day(city) if day.replace(day=1) == first]
        if not days:
            raise MissingSource(
                f"the simulation has no month {month:%Y-%m}: it runs {self.months} months from {self.since}"
            )
        held: list[pl.DataFrame] = []
        for day, rows in days:
            for block in self._blocks(city, day, rows):
                held.append(block)
                if sum(map(len, held)) >= rows_per_frame:
                    *full, rest = pl.concat(held).iter_slices(rows_per_frame)
                    yield from full
                    held = [rest]
        if held and (last := pl.concat(held)).height:
            yield last

    def _rows_by_day(self, city: SimulatedCity) -> Sequence[tuple[date, int]]:
        after = self.since.year * 12 + self.since.month - 1 + self.months
        end = date(after // 12, after % 12 + 1, 1)
        days = [self.since + timedelta(days=n) for n in range((end - self.since).days)]
        until = np.cumsum([city.demand_of_day(day) for day in days])
        rows_until = np.rint(until / until[-1] * self.trips).astype(np.int64)
        return list(zip(days, np.diff(rows_until, prepend=0).tolist(), strict=True))

    def _blocks(self, city: SimulatedCity, day: date, rows: int) -> Iterator[pl.DataFrame]:
        clock = _Clock.of(day, self.city, weekday=city.weekday(day))
        seed = (self.seed, day.year, day.month, day.day)
        # Not 0: seeds that differ only in zeros at their end are the same.
        special = city.day(day, np.random.default_rng((*seed, 1)))
        is_slow = self.slowdown_from is None or day >= self.slowdown_from
        log_slowdown = math.log(self.slowdown) if is_slow else 0.0
        shortest_s = self.city.plausibility.min_duration_s + 1
        longest_s = self.city.plausibility.max_duration_s - 1
        for number, first in enumerate(range(0, rows, BLOCK_ROWS)):
            n = min(BLOCK_ROWS, rows - first)
            rng = np.random.Generator(np.random.SFC64((*seed, 2 + number)))
            # One draw in each of equal parts of the day's demand: in order without sorting.
            at_s = clock.when(city.demand, (np.arange(first, first + n) + rng.random(n)) / rows)
            quarter_of_week = clock.quarter_of_week[(at_s / QUARTER_S).astype(np.int64)]
            ends = city.ends(rng, quarter_of_week)
            ride = city.ride(ends, special, at_s, quarter_of_week)
            log_duration_s = ride.log_duration_s + log_slowdown + ride.log_spread * rng.standard_normal(n)
            duration_s = np.rint(np.exp(log_duration_s).clip(shortest_s, longest_s))
            metered_km = np.round(ride.distance_km * (1 + 0.05 * rng.random(n)), 2)
            tip = 0.2 * (rng.random(n) < 0.6)
            columns = {
                "pickup_at": at_s,
                "dropoff_at": at_s + duration_s,
                "pickup_lat": city.lat_deg(ends.pickup_north),
                "pickup_lon": city.lon_deg(ends.pickup_east),
                "dropoff_lat": city.lat_deg(ends.dropoff_north),
                "dropoff_lon": city.lon_deg(ends.dropoff_east),
                "passenger_count": PASSENGERS[rng.integers(0, len(PASSENGERS), n)],
                "distance_km": metered_km,
                "total_amount": np.round((3.5 + 1.6 * metered_km + duration_s / 120) * (1 + tip), 2),
            }
            yield self._with_mess(columns, clock, rng)

    def _with_mess(
        self, columns: dict[str, NDArray[Any]], clock: "_Clock", rng: np.random.Generator
    ) -> pl.DataFrame:
        """The columns, which are changed, as a frame with some rows wrong and times by the clock."""
        n = len(columns["pickup_at"])
        wrong = np.flatnonzero(rng.random(n) < self.mess)
        flaw = rng.integers(0, FLAWS, len(wrong))
        left_on, not_positive, nowhere, lost, repeated = (wrong[flaw == kind] for kind in range(FLAWS))

        left_on_s = self.city.plausibility.meter_left_on_s + rng.integers(0, 4 * 3600, len(left_on))
        columns["dropoff_at"][left_on] = columns["pickup_at"][left_on] + np.rint(left_on_s)
        backwards_s = 60.0 * rng.integers(0, 3, len(not_positive))
        columns["dropoff_at"][not_positive] = columns["pickup_at"][not_positive] - backwards_s
        for name in ("pickup_lat", "pickup_lon", "dropoff_lat", "dropoff_lon"):
            columns[name][nowhere] = 0.0
        for name in ("pickup_at", "dropoff_at"):
            columns[name] = clock.local_us(columns[name]).view("datetime64[us]")
        frame = pl.DataFrame(columns)
        for start, name in enumerate(("dropoff_at", "pickup_lat", "dropoff_lon")):
            frame = frame.with_columns(frame[name].scatter(lost[start::3], None))
        frame = frame.with_columns(frame["passenger_count"].scatter(lost, None))
        if len(repeated):
            row = np.arange(n)
            row[repeated] = 0
            frame = frame[np.maximum.accumulate(row)]
        return frame


@dataclass(frozen=True, slots=True)
class _Clock:
    """The city's wall clock on one day, by quarters of an hour as they really pass."""

    quarter_of_week: Ints
    """Of the day's quarters: 92 or 100 of them when the clocks change."""
    local_s: Ints
    """What the clock shows as each begins, in seconds since 1970-01-01 00:00 on it; goes on after the day."""

    @classmethod
    def of(cls, day: date, city: City, *, weekday: int) -> "_Clock":
        tz = city.tz
        begin_s, end_s = (
            int(datetime.combine(midnight, time(), tzinfo=tz).timestamp())
            for midnight in (day, day + timedelta(days=1))
        )
        instants_s = range(begin_s, end_s + TAIL_S, QUARTER_S)
        shown = (datetime.fromtimestamp(instant_s, tz).replace(tzinfo=UTC) for instant_s in instants_s)
        local_s = np.array([int(local.timestamp()) for local in shown])
        of_day = local_s[: (end_s - begin_s) // QUARTER_S] % 86400 // QUARTER_S
        return cls(weekday * 96 + of_day, local_s)

    def when(self, demand: Floats, share: Floats) -> Floats:
        """Whole seconds since the day began at which *share* of the day's demand has come."""
        come = np.cumsum(demand[self.quarter_of_week])
        quarters = np.interp(share * come[-1], [0.0, *come], np.arange(len(come) + 1.0))
        at_s: Floats = np.minimum(np.floor(quarters * QUARTER_S), len(come) * QUARTER_S - 1.0)
        return at_s

    def local_us(self, since_begin_s: Floats) -> Ints:
        """What the clock shows, as microseconds since 1970-01-01 00:00 on it."""
        quarter = (since_begin_s / QUARTER_S).astype(np.int64).clip(0, len(self.local_s) - 1)
        local_s: Ints = self.local_s[quarter] - quarter * QUARTER_S + since_begin_s.astype(np.int64)
        return local_s * 1_000_000


def _require(name: str, value: object, holds: bool, range_: str) -> None:
    if not holds:
        raise InvalidSource(
            f"the simulation's option {name} must be {range_}, not {value};"
            f" known options are {', '.join(OPTIONS)}"
        )
