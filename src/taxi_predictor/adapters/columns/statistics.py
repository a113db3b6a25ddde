"""Counting trips in columns: 31 bytes each, so that millions fit and are gone through in a moment."""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from functools import cached_property
from threading import Lock
from typing import TypeVar, cast

import numpy as np
import polars as pl

from taxi_predictor.adapters.columns.minutes import MinutesOfDays, by_minute
from taxi_predictor.adapters.columns.windows import EPOCH, IS_WEEKEND, kept, wanted
from taxi_predictor.domain.city import City
from taxi_predictor.domain.traffic import (
    CELL_COLUMNS,
    CELLS_PER_DEG,
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
REMEMBERED = 256
"""How many answers are kept: people ask the same, and a slider changes one of several questions."""
T = TypeVar("T")


class CountedTrips:
    """Trips as they are counted. Never changed; safe to share between threads.

    Days are counted once, by hour and by minute of duration: whatever days are asked for are sums of those.
    """

    def __init__(self, trips: pl.DataFrame) -> None:
        # By day, so that the days of a window are one piece, which is not copied; and by minute within it.
        self._trips = by_minute(trips)
        self._minutes = MinutesOfDays(self._trips)
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
            found = kept(self._by_hour, window).group_by("day", "family").agg(pl.col("trips").sum())
            found = found.with_columns(pl.col("family").cast(pl.String)).sort("day", "family")
            return [DayCount(**row) for row in found.iter_rows(named=True)]

        return self._remembered(("days", window), count)

    def hours(self, window: Window) -> Sequence[HourCount]:
        def count() -> Sequence[HourCount]:
            found = kept(self._by_hour, window).group_by("hour_of_week").agg(SUMS).sort("hour_of_week")
            return [
                HourCount(weekday=hour // 24, hour=hour % 24, trips=trips, speed_km_h=_speed_km_h(km, s))
                for hour, trips, km, s in found.iter_rows()
            ]

        return self._remembered(("hours", window), count)

    def durations(self, window: Window) -> DurationCounts:
        def count() -> DurationCounts:
            _, km, s = kept(self._by_hour, window).select(SUMS).row(0)
            counts = self._minutes.counts(window)
            p10_s, median_s, p90_s = self._minutes.quantiles_s(window, counts, (0.1, 0.5, 0.9))
            return DurationCounts(
                trips=int(counts.sum()),
                by_minute=tuple(counts[1:].tolist()),
                median_s=median_s,
                p10_s=p10_s,
                p90_s=p90_s,
                speed_km_h=_speed_km_h(km, s),
            )

        return self._remembered(("durations", window), count)

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

    def _within(self, window: Window, *columns: str) -> pl.DataFrame:
        """The *columns* of the trips in *window*, or all of them."""
        begin, end = 0, len(self._days)
        if window.first is not None:
            begin = int(np.searchsorted(self._days, (window.first - EPOCH).days, side="left"))
        if window.last is not None:
            end = int(np.searchsorted(self._days, (window.last - EPOCH).days, side="right"))
        trips = self._trips.slice(begin, max(end - begin, 0)).lazy()
        if conditions := wanted(window, IS_WEEKEND):
            trips = trips.filter(conditions)
        return trips.select(columns or pl.all()).collect()

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


def _speed_km_h(km: float, seconds: float) -> float | None:
    """None where nothing is metered."""
    return 3600 * km / seconds if seconds else None


def _spot(end: str) -> pl.Expr:
    row = ((pl.col(f"{end}_lat_deg") + 90) * CELLS_PER_DEG).floor().cast(pl.Int32)
    column = ((pl.col(f"{end}_lon_deg") + 180) * CELLS_PER_DEG).floor().cast(pl.Int32)
    return pl.coalesce(pl.col(f"{end}_zone").cast(pl.Int32), -1 - (row * CELL_COLUMNS + column))
