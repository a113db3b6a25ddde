"""Trips as they are kept in files: the types of their columns, and what a file says of them beside."""

from collections.abc import Mapping

import polars as pl

from taxi_predictor.adapters.columns.arrays import frame
from taxi_predictor.domain.trip import TRIP_COLUMNS, Table

__all__ = ["FAMILY_KEY", "TRIP_TYPES", "trips_of"]

FAMILY_KEY = "taxi-predictor-family"
"""In the metadata of a parquet file: its trips were cleaned, are of this family, and keep their ids."""

TRIP_TYPES: Mapping[str, pl.DataType] = {
    "pickup_at": pl.Datetime("us", "UTC"),
    "pickup_lat_deg": pl.Float64(),
    "pickup_lon_deg": pl.Float64(),
    "pickup_zone": pl.Int32(),
    "dropoff_lat_deg": pl.Float64(),
    "dropoff_lon_deg": pl.Float64(),
    "dropoff_zone": pl.Int32(),
    "passenger_count": pl.Int16(),
    "trip_id": pl.String(),
    "duration_s": pl.Float64(),
    "metered_distance_km": pl.Float64(),
    "total_amount": pl.Float64(),
}


def trips_of(table: Table) -> pl.DataFrame:
    """The trips in *table*, in the types in which they are kept."""
    return frame(table).select(pl.col(name).cast(TRIP_TYPES[name]) for name in TRIP_COLUMNS)
