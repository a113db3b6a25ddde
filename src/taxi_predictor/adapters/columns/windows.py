"""Windows of trips, as conditions on columns."""

from datetime import date

import polars as pl

from taxi_predictor.domain.traffic import Window

__all__ = ["EPOCH", "IS_WEEKEND", "kept", "wanted"]

EPOCH = date(1970, 1, 1)
IS_WEEKEND = (pl.col("hour_of_week") >= 5 * 24).alias("is_weekend")


def kept(counted: pl.DataFrame, window: Window) -> pl.DataFrame:
    """Those rows of what was counted by day that are in the *window*."""
    conditions = wanted(window, pl.col("is_weekend"))
    if window.first is not None:
        conditions.append(pl.col("day") >= window.first)
    if window.last is not None:
        conditions.append(pl.col("day") <= window.last)
    return counted.filter(conditions) if conditions else counted


def wanted(window: Window, is_weekend: pl.Expr) -> list[pl.Expr]:
    """What *window* asks beside its days."""
    conditions = []
    if window.family is not None:
        conditions.append(pl.col("family") == window.family)
    if window.hour is not None:
        conditions.append(pl.col("hour") == window.hour)
    if window.is_weekend is not None:
        conditions.append(is_weekend == window.is_weekend)
    return conditions
