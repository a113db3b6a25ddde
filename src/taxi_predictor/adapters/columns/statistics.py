"""Counting trips in columns: 31 bytes each, so that millions fit and are gone through in a moment."""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from datetime import date
from functools import cached_property
from threading import Lock
from typing import TypeVar, cast

import numpy as np
import polars as pl
from numpy.typing import NDArray

from taxi_predictor.domain.city import City
from taxi_predictor.domain.traffic import (
    CELL_COLUMNS,
    CELLS_PER_DEG,
    MINUTES,
    DayCount,
    DurationCounts,
    HourCount,
    PairCount,
    SpotCount,
    Window,
)

__all__ = ["CountedTrips"]

SPOTS = ("pickup", "dropoff")
METERED = ("metered_km", "metered_s")
SUMS = (pl.col("trips").sum(), *(pl.col(name).sum() for name in METERED))
IS_WEEKEND = (pl.col("hour_of_week") >= 5 * 24).alias("is_weekend")
EPOCH = date(1970, 1, 1)
REMEMBERED = 256
"""So many answers are kept: people ask the same, and a slider changes one of several questions."""
T = TypeVar("T")
Numbers = NDArray[np.int64]
Floats = NDArray[np.float32]


class CountedTrips:
    """Trips as they are counted. Never changed; safe to share between threads.

    Days are counted once, by hour and by minute of duration: whatever days are asked for are sums of those.
    """

    def __init__(self, trips: pl.DataFrame) -> None:
        # By day, so that the days of a window are one piece, which is not copied; and by minute within it.
        self._trips = trips.with_columns(_minutes(trips["duration_s"])).sort(
            pl.col("day").to_physical() * (MINUTES + 1) + pl.col("minute")
        )
        self._days = self._trips["day"].to_physical().to_numpy()
        self._answers: OrderedDict[Hashable, object] = OrderedDict()
        self._turn = Lock()

    @staticmethod
    def columns(stored: pl.DataFrame, city: City) -> pl.DataFrame:
        """What is kept of trips as a store has them, and of their ``family``."""
        return CountedTrips.columns_of_spots(
            stored.with_columns(_spot(end).alias(end) for end in SPOTS), city
        )

    @staticmethod
    def columns_of_spots(stored: pl.DataFrame, city: City) -> pl.DataFrame:
        """The same of trips whose spots are known as ``pickup`` and ``dropoff``; ``pickup_at`` is in UTC.

        A metered distance that no car of *city* drives in that time is none: meters tell of 360,068 miles.
        """
        local = pl.col("pickup_at").dt.convert_time_zone(city.time_zone)
        metered_km, farthest_km_h = pl.col("metered_distance_km"), city.plausibility.max_speed_km_h
        is_believed = metered_km.is_between(0, farthest_km_h * pl.col("duration_s") / 3600, closed="right")
        return stored.select(
            local.dt.date().alias("day"),
            local.dt.hour().cast(pl.UInt8).alias("hour"),
            ((local.dt.weekday().cast(pl.Int32) - 1) * 24 + local.dt.hour())
            .cast(pl.UInt8)
            .alias("hour_of_week"),
            pl.col("family").cast(pl.Categorical),
            *(pl.col(end).cast(pl.Int32) for end in SPOTS),
            pl.col("duration_s").cast(pl.Float32),
            pl.when(is_believed).then(metered_km).otherwise(0).cast(pl.Float32).alias("metered_km"),
            pl.when(is_believed).then("duration_s").otherwise(0).cast(pl.Float32).alias("metered_s"),
        )

    def days(self, window: Window) -> Sequence[DayCount]:
        def count() -> Sequence[DayCount]:
            found = _kept(self._by_hour, window).group_by("day", "family").agg(pl.col("trips").sum())
            found = found.with_columns(pl.col("family").cast(pl.String)).sort("day", "family")
            return [DayCount(**row) for row in found.iter_rows(named=True)]

        return self._remembered(("days", window), count)

    def hours(self, window: Window) -> Sequence[HourCount]:
        def count() -> Sequence[HourCount]:
            found = _kept(self._by_hour, window).group_by("hour_of_week").agg(SUMS).sort("hour_of_week")
            return [
                HourCount(weekday=hour // 24, hour=hour % 24, trips=trips, speed_km_h=_speed_km_h(km, s))
                for hour, trips, km, s in found.iter_rows()
            ]

        return self._remembered(("hours", window), count)

    def durations(self, window: Window) -> DurationCounts:
        def count() -> DurationCounts:
            _, km, s = _kept(self._by_hour, window).select(SUMS).row(0)
            if window.hour is None:
                by_minute = _kept(self._by_minute, window)
            else:
                by_minute = self._within(window).group_by("minute").agg(pl.len().alias("trips"))
            trips = np.zeros(MINUTES + 1, dtype=np.int64)
            np.add.at(trips, by_minute["minute"].to_numpy(), by_minute["trips"].to_numpy())
            p10_s, median_s, p90_s = self._quantiles_s(window, trips, (0.1, 0.5, 0.9))
            return DurationCounts(
                trips=int(trips.sum()),
                by_minute=tuple(trips[1:].tolist()),
                median_s=median_s,
                p10_s=p10_s,
                p90_s=p90_s,
                speed_km_h=_speed_km_h(km, s),
            )

        return self._remembered(("durations", window), count)

    def _quantiles_s(
        self, window: Window, by_minute: Numbers, shares: Sequence[float]
    ) -> Sequence[float | None]:
        """Exactly, though only the trips of those minutes are looked at in which they lie."""
        until = np.cumsum(by_minute)
        n = int(until[-1])
        if not n:
            return [None] * len(shares)
        sorted_s: dict[int, Floats] = {}

        def ranked_s(rank: int) -> float:
            minute = int(np.searchsorted(until, rank, side="right"))
            if minute not in sorted_s:
                sorted_s[minute] = np.sort(self._of_minute_s(window, minute))
            return float(sorted_s[minute][rank - int(until[minute] - by_minute[minute])])

        found = []
        for share in shares:
            place = share * (n - 1)
            low = int(place)
            low_s, high_s = ranked_s(low), ranked_s(min(low + 1, n - 1))
            found.append(low_s + (high_s - low_s) * (place - low))
        return found

    def _of_minute_s(self, window: Window, minute: int) -> Floats:
        """The durations of the trips in *window* that are counted under *minute*: of each day one piece."""
        days, until = self._minutes
        first, last = (
            0 if window.first is None else int(np.searchsorted(days, (window.first - EPOCH).days, "left")),
            len(days)
            if window.last is None
            else int(np.searchsorted(days, (window.last - EPOCH).days, "right")),
        )
        places = range(first * (MINUTES + 1) + minute, last * (MINUTES + 1), MINUTES + 1)
        wanted = _wanted(window, IS_WEEKEND)
        trips = self._trips if wanted else self._trips.select("duration_s")
        pieces = [trips.slice(until[place], until[place + 1] - until[place]) for place in places]
        found = pl.concat([trips.clear(), *pieces]).filter(wanted) if wanted else pl.concat(pieces)
        seconds: Floats = found["duration_s"].to_numpy()
        return seconds

    @cached_property
    def _minutes(self) -> tuple[NDArray[np.int32], Sequence[int]]:
        """The days there are, and where each minute of each begins among the trips."""
        days, day = np.unique(self._days, return_inverse=True)
        minutes = day * (MINUTES + 1) + self._trips["minute"].to_numpy()
        counts = np.bincount(minutes, minlength=len(days) * (MINUTES + 1))
        return days, [0, *np.cumsum(counts).tolist()]

    def spots(self, window: Window) -> Sequence[SpotCount]:
        def count() -> Sequence[SpotCount]:
            trips = self._within(window, "pickup", "metered_km", "metered_s")
            found = (
                trips.group_by("pickup")
                .agg(pl.len().alias("trips"), *(pl.col(name).cast(pl.Float64).sum() for name in METERED))
                .sort("pickup")
            )
            return [
                SpotCount(spot=spot, trips=count, speed_km_h=_speed_km_h(km, s))
                for spot, count, km, s in found.iter_rows()
            ]

        return self._remembered(("spots", window), count)

    def pairs(self, window: Window, *, limit: int, at_least: int, slowest: bool) -> Sequence[PairCount]:
        def count() -> Sequence[PairCount]:
            found = self._pairs(window).filter(pl.col("trips") >= at_least)
            if slowest:
                found = found.filter(
                    pl.col("speed_km_h").is_not_null(), pl.col("pickup") != pl.col("dropoff")
                )
                found = found.sort("speed_km_h", *SPOTS)
            else:
                found = found.sort("trips", *SPOTS, descending=[True, False, False])
            found = found.head(limit)
            # Of these alone: a median of every pair would take longer than all the rest.
            trips = self._within(window).join(found.select(SPOTS), on=SPOTS, how="semi")
            medians = trips.group_by(SPOTS).agg(median_s=pl.col("duration_s").cast(pl.Float64).median())
            rows = found.join(medians, on=SPOTS, how="left", maintain_order="left")
            return [PairCount(**row) for row in rows.iter_rows(named=True)]

        return self._remembered(("pairs", window, limit, at_least, slowest), count)

    def _pairs(self, window: Window) -> pl.DataFrame:
        """Every pair with its trips and its speed: the busiest and the slowest are chosen from the same."""

        def count() -> pl.DataFrame:
            # One number for both: half the time of grouping by two.
            pair = pl.col("pickup").cast(pl.Int64) * 2**32 + pl.col("dropoff").cast(pl.Int64).add(2**31)
            found = (
                self._within(window)
                .group_by(pair.alias("pair"))
                .agg(
                    pl.len().alias("trips"),
                    pl.col("metered_km").cast(pl.Float64).sum(),
                    pl.col("metered_s").cast(pl.Float64).sum(),
                )
            )
            speed = pl.col("metered_km") * 3600 / pl.col("metered_s")
            return found.select(
                (pl.col("pair") // 2**32).cast(pl.Int32).alias("pickup"),
                (pl.col("pair") % 2**32 - 2**31).cast(pl.Int32).alias("dropoff"),
                "trips",
                pl.when(pl.col("metered_s") > 0).then(speed).alias("speed_km_h"),
            )

        return self._remembered(("all pairs", window), count)

    @cached_property
    def _by_hour(self) -> pl.DataFrame:
        return self._trips.group_by("day", "family", "hour", "hour_of_week", IS_WEEKEND).agg(
            pl.len().cast(pl.Int64).alias("trips"), *(pl.col(name).cast(pl.Float64).sum() for name in METERED)
        )

    @cached_property
    def _by_minute(self) -> pl.DataFrame:
        return self._trips.group_by("day", "family", "minute", IS_WEEKEND).agg(
            pl.len().cast(pl.Int64).alias("trips")
        )

    def _within(self, window: Window, *columns: str) -> pl.DataFrame:
        begin, end = self._span(window)
        trips = self._trips.slice(begin, end - begin)
        is_wanted = self._is_wanted(window)
        chosen = trips.select(columns) if columns else trips
        return chosen if is_wanted is None else chosen.filter(pl.Series(is_wanted))

    def _span(self, window: Window) -> tuple[int, int]:
        """From which trip to which the days of *window* go."""
        begin, end = 0, len(self._days)
        if window.first is not None:
            begin = int(np.searchsorted(self._days, (window.first - EPOCH).days, side="left"))
        if window.last is not None:
            end = int(np.searchsorted(self._days, (window.last - EPOCH).days, side="right"))
        return begin, max(end, begin)

    def _is_wanted(self, window: Window) -> NDArray[np.bool_] | None:
        """Of the trips of these days, whether each is in the *window*; None: all are."""
        wanted = _wanted(window, IS_WEEKEND)
        if not wanted:
            return None
        begin, end = self._span(window)
        mask = self._trips.slice(begin, end - begin).select(pl.all_horizontal(wanted).alias("wanted"))
        found: NDArray[np.bool_] = mask["wanted"].to_numpy()
        return found

    def _remembered(self, question: Hashable, count: Callable[[], T]) -> T:
        with self._turn:
            if question in self._answers:
                self._answers.move_to_end(question)
                return cast("T", self._answers[question])
        answer = count()
        with self._turn:
            self._answers[question] = answer
            while len(self._answers) > REMEMBERED:
                self._answers.popitem(last=False)
        return answer


def _kept(counted: pl.DataFrame, window: Window) -> pl.DataFrame:
    """Those rows of what was counted by day that are in the *window*."""
    wanted = _wanted(window, pl.col("is_weekend"))
    if window.first is not None:
        wanted.append(pl.col("day") >= window.first)
    if window.last is not None:
        wanted.append(pl.col("day") <= window.last)
    return counted.filter(wanted) if wanted else counted


def _wanted(window: Window, is_weekend: pl.Expr) -> list[pl.Expr]:
    """What *window* asks beside its days."""
    wanted = []
    if window.family is not None:
        wanted.append(pl.col("family") == window.family)
    if window.hour is not None:
        wanted.append(pl.col("hour") == window.hour)
    if window.is_weekend is not None:
        wanted.append(is_weekend == window.is_weekend)
    return wanted


def _speed_km_h(km: float, seconds: float) -> float | None:
    """None where nothing is metered."""
    return 3600 * km / seconds if seconds else None


def _minutes(seconds: pl.Series) -> pl.Series:
    """Under which minute each duration is counted.

    NumPy divides; Polars multiplies by a sixtieth, which makes more than ten minutes of 600 seconds.
    """
    minutes = np.clip(np.ceil(seconds.to_numpy() / np.float32(60)), 1, MINUTES)
    return pl.Series("minute", minutes.astype(np.uint8))


def _spot(end: str) -> pl.Expr:
    row = ((pl.col(f"{end}_lat_deg") + 90) * CELLS_PER_DEG).floor().cast(pl.Int32)
    column = ((pl.col(f"{end}_lon_deg") + 180) * CELLS_PER_DEG).floor().cast(pl.Int32)
    return pl.coalesce(pl.col(f"{end}_zone").cast(pl.Int32), -1 - (row * CELL_COLUMNS + column))
