"""Counting trips in columns: 21 bytes each, so that millions fit and are gone through in a moment."""

from collections.abc import Sequence
from typing import Any

import polars as pl

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

METERED = pl.col("metered_km").is_not_null()
SPEED = (
    3600 * pl.col("metered_km").filter(METERED).cast(pl.Float64).sum()
    / pl.col("duration_s").filter(METERED).cast(pl.Float64).sum()
).alias("speed_km_h")  # fmt: skip
"""Null where nothing is metered: made of 0 / 0."""
TRIPS = pl.len().alias("trips")
SPOTS = ("pickup", "dropoff")


class CountedTrips:
    """Trips as they are counted. Never changed; safe to share between threads."""

    def __init__(self, trips: pl.DataFrame) -> None:
        self.trips = trips

    @classmethod
    def of(cls, stored: pl.DataFrame, city: City) -> "CountedTrips":
        """Of trips in the columns of a store, ``pickup_at`` in UTC, and their ``family``.

        A metered distance that no car of *city* drives in that time is none: meters tell of 360,068 miles.
        """
        local = pl.col("pickup_at").dt.convert_time_zone(city.time_zone)
        metered_km, farthest_km_h = pl.col("metered_distance_km"), city.plausibility.max_speed_km_h
        is_believed = metered_km.is_between(0, farthest_km_h * pl.col("duration_s") / 3600, closed="right")
        return cls(
            stored.select(
                local.dt.date().alias("day"),
                local.dt.hour().cast(pl.UInt8).alias("hour"),
                (local.dt.weekday() - 1).cast(pl.UInt8).alias("weekday"),
                pl.col("family").cast(pl.Categorical),
                *(_spot(end).alias(end) for end in SPOTS),
                pl.col("duration_s").cast(pl.Float32),
                pl.when(is_believed).then(metered_km).cast(pl.Float32).alias("metered_km"),
            )
        )

    def within(self, window: Window) -> pl.DataFrame:
        wanted = []
        if window.first is not None:
            wanted.append(pl.col("day") >= window.first)
        if window.last is not None:
            wanted.append(pl.col("day") <= window.last)
        if window.family is not None:
            wanted.append(pl.col("family") == window.family)
        if window.hour is not None:
            wanted.append(pl.col("hour") == window.hour)
        if window.is_weekend is not None:
            wanted.append((pl.col("weekday") >= 5) == window.is_weekend)
        return self.trips.filter(wanted) if wanted else self.trips

    def days(self, window: Window) -> Sequence[DayCount]:
        found = self.within(window).group_by("day", "family").agg(TRIPS)
        found = found.with_columns(pl.col("family").cast(pl.String)).sort("day", "family")
        return [DayCount(**row) for row in found.iter_rows(named=True)]

    def hours(self, window: Window) -> Sequence[HourCount]:
        found = self.within(window).group_by("weekday", "hour").agg(TRIPS, SPEED).sort("weekday", "hour")
        return [HourCount(**row) for row in _told(found)]

    def durations(self, window: Window) -> DurationCounts:
        trips = self.within(window)
        minute = ((pl.col("duration_s").cast(pl.Float64) / 60).ceil().cast(pl.Int32) - 1).clip(0, MINUTES - 1)
        counts = dict(trips.group_by(minute.alias("minute")).agg(TRIPS).iter_rows())
        seconds = pl.col("duration_s").cast(pl.Float64)
        quantiles = {f"p{p}_s": seconds.quantile(p / 100, "linear") for p in (10, 50, 90)}
        [row] = _told(trips.select(SPEED, **quantiles))
        return DurationCounts(
            trips=len(trips),
            by_minute=tuple(counts.get(number, 0) for number in range(MINUTES)),
            median_s=row["p50_s"],
            p10_s=row["p10_s"],
            p90_s=row["p90_s"],
            speed_km_h=row["speed_km_h"],
        )

    def spots(self, window: Window) -> Sequence[SpotCount]:
        found = self.within(window).group_by(pl.col("pickup").alias("spot")).agg(TRIPS, SPEED).sort("spot")
        return [SpotCount(**row) for row in _told(found)]

    def pairs(self, window: Window, *, limit: int, at_least: int, slowest: bool) -> Sequence[PairCount]:
        trips = self.within(window)
        # Counted first: a median of every pair would take longer than all the rest.
        found = trips.group_by(SPOTS).agg(TRIPS, SPEED).filter(pl.col("trips") >= at_least)
        if slowest:
            found = found.filter(pl.col("speed_km_h").is_not_nan(), pl.col("pickup") != pl.col("dropoff"))
            found = found.sort("speed_km_h", *SPOTS)
        else:
            found = found.sort("trips", *SPOTS, descending=[True, False, False])
        found = found.head(limit)
        of_those = trips.join(found.select(SPOTS), on=SPOTS, how="semi")
        medians = of_those.group_by(SPOTS).agg(median_s=pl.col("duration_s").cast(pl.Float64).median())
        rows = found.join(medians, on=SPOTS, how="left", maintain_order="left")
        return [PairCount(**row) for row in _told(rows)]


def _spot(end: str) -> pl.Expr:
    row = ((pl.col(f"{end}_lat_deg") + 90) * CELLS_PER_DEG).floor().cast(pl.Int32)
    column = ((pl.col(f"{end}_lon_deg") + 180) * CELLS_PER_DEG).floor().cast(pl.Int32)
    return pl.coalesce(pl.col(f"{end}_zone").cast(pl.Int32), -1 - (row * CELL_COLUMNS + column))


def _told(found: pl.DataFrame) -> list[dict[str, Any]]:
    return found.with_columns(pl.col("speed_km_h").fill_nan(None)).rows(named=True)
