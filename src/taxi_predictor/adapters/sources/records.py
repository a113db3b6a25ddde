"""Rows as they were read, for the quarantine: JSON objects by column."""

import polars as pl

from taxi_predictor.adapters.sources.fields import as_text

__all__ = ["as_records"]

YEARS = 9999
DAYS = int(365.2425 * (YEARS - 1970))
PER_DAY = {"ms": 86_400 * 10**3, "us": 86_400 * 10**6, "ns": 86_400 * 10**9}


def as_records(rows: pl.DataFrame) -> pl.Series:
    """One JSON object for each row; what JSON has no word for is written as text, NaN as null."""
    if rows.is_empty():
        return pl.Series("record", [], dtype=pl.String)
    plain = rows.select(_writable(column) for column in rows.iter_columns())
    return plain.select(record=pl.struct(pl.all()).struct.json_encode())["record"]


def _writable(column: pl.Series) -> pl.Series:
    """*column* in a type and with values that the engine can write: beyond them it panics."""
    dtype = column.dtype
    if dtype == pl.Binary:
        return as_text(column)
    if dtype.is_float() and column.is_infinite().any():
        return column.cast(pl.String)
    if isinstance(dtype, pl.Datetime):
        limit = min(DAYS * PER_DAY[dtype.time_unit], 2**63 - 1)
        ticks = column.to_physical()
        return column if ticks.is_between(-limit, limit).all() else ticks
    if dtype == pl.Date:
        days = column.to_physical()
        return column if days.is_between(-DAYS, DAYS).all() else days
    if dtype == pl.Time or dtype.is_nested() or dtype == pl.Object:
        # No trip file has these among the columns that we read; what they held is not worth a crash.
        return pl.Series(column.name, [f"<{dtype}>"] * len(column), dtype=pl.String)
    return column
